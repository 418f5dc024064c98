/** What the trainer asks of a thread; the platform's worker stands behind it. */
export interface Thread {
  post(message: unknown): void;
  /** `failed` is called when the thread dies of an error. */
  listen(received: (message: unknown) => void, failed: (error: Error) => void): void;
  terminate(): Promise<void>;
}

/** Where training runs: threads-node.ts, threads-browser.ts. */
export interface ThreadPlatform {
  /** dist/wasm/kernels.wasm, compiled. */
  compileKernels(): Promise<WebAssembly.Module>;
  /** A thread that waits for a StartMessage and then runs `runTeamMember`. */
  spawnThread(): Thread;
}
