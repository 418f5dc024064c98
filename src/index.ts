/**
 * What a JavaScript program may use: run a model, read a file, export and train.
 *
 * @example
 * import { readFileSync } from "node:fs";
 * import { createMirror } from "atome-lm";
 *
 * const engine = createMirror(readFileSync("model.atome"));
 * for (const symbol of engine.encode(new TextEncoder().encode("Once"))) engine.feed(symbol);
 * engine.logits();
 * process.stdout.write(engine.decode(engine.argmax()));
 */
export { createWasm, loadWasm } from "./engine/wasm.js";
export * from "./portable.js";
export { makeKeyPair, publicKeyBytes, readPrivateKey, readPublicKey } from "./signature/keys.js";
export { type SignatureVerdict, signModel, verifySignature } from "./signature/signature.js";
export { nodePlatform } from "./train/threads-node.js";
