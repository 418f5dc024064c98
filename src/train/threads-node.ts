import { readFile } from "node:fs/promises";
import { Worker } from "node:worker_threads";
import type { ThreadPlatform } from "./threads.js";

// The build's output stands at the same place seen from src/train and from dist/train.
const workerUrl = new URL("../../dist/train/worker-node.js", import.meta.url);
const kernelsUrl = new URL("../../dist/wasm/kernels.wasm", import.meta.url);

/** Worker threads of Node. */
export const nodePlatform: ThreadPlatform = {
  // Not WebAssembly.compile: while that is all a program waits for, Node drains its compiler's tasks and runs what follows
  // inside; a task that wants a garbage collection then waits for ever (github.com/nodejs/node/issues/54918).
  compileKernels: async () => new WebAssembly.Module(await readFile(kernelsUrl)),
  spawnThread() {
    const worker = new Worker(workerUrl);
    return {
      post: (message) => worker.postMessage(message),
      listen: (received, failed) => {
        worker.on("message", received);
        worker.on("error", failed);
      },
      terminate: async () => {
        await worker.terminate();
      },
    };
  },
};
