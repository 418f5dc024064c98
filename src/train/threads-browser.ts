import { FailureError, UsageError } from "../model/errors.js";
import type { ThreadPlatform } from "./threads.js";

// Seen from dist/train. The worker's address stands in its constructor, where bundlers look for it.
const kernelsUrl = new URL("../wasm/kernels.wasm", import.meta.url);

/** Module workers of a page that is cross-origin isolated. */
export const browserPlatform: ThreadPlatform = {
  async compileKernels() {
    checkIsolation();
    const response = await fetch(kernelsUrl);
    if (!response.ok) {
      throw new FailureError(
        `Cannot train: the server answers ${response.status} for ${kernelsUrl}; serve the whole folder dist of this package.`,
      );
    }
    return WebAssembly.compile(await response.arrayBuffer());
  },
  spawnThread() {
    const worker = new Worker(new URL("./worker-browser.js", import.meta.url), { type: "module" });
    return {
      post: (message) => worker.postMessage(message),
      listen: (received, failed) => {
        worker.addEventListener("message", ({ data }) => received(data));
        // A worker that could not be loaded has no message.
        worker.addEventListener("error", ({ message }) =>
          failed(new Error(message ?? "its script could not be loaded")),
        );
      },
      terminate: async () => worker.terminate(),
    };
  },
};

/** Threads share memory, which browsers allow only to pages that no other site can look into. */
function checkIsolation(): void {
  if (globalThis.crossOriginIsolated) return;
  throw new UsageError(
    'Cannot train in this page: it is not cross-origin isolated, so its threads cannot share memory; serve it over HTTPS or from localhost with the headers "Cross-Origin-Opener-Policy: same-origin" and "Cross-Origin-Embedder-Policy: require-corp".',
  );
}
