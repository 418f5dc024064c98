/** What the trainer asks of a thread; the platform's worker stands behind it (threads-node.ts). */
export interface Thread {
  post(message: unknown): void;
  /** `failed` is called when the thread dies of an error. */
  listen(received: (message: unknown) => void, failed: (error: Error) => void): void;
  terminate(): Promise<void>;
}
