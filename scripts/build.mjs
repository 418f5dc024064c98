// Builds everything that runs into dist/: TypeScript, the training kernels (AssemblyScript) and the engine
// (engine/atome.c) as WebAssembly. Each step is skipped when its output is newer than everything it is made from.
import { execFileSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, renameSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const at = (...parts) => join(root, ...parts);

/** Newest modification time (ms) below a path; -1 when it does not exist. */
function newestMs(path) {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (!stat) return -1;
  if (!stat.isDirectory()) return stat.mtimeMs;
  return Math.max(stat.mtimeMs, ...readdirSync(path).map((name) => newestMs(join(path, name))));
}

const isStale = (output, inputs) => {
  const builtMs = newestMs(output);
  return builtMs < 0 || inputs.some((input) => newestMs(input) > builtMs);
};

/** Writes an output as of when its inputs were read: what is edited while it is being built is built the next time. */
function writeOutput(output, content, readMs) {
  const temporary = `${output}.${process.pid}`;
  writeFileSync(temporary, content);
  utimesSync(temporary, readMs / 1000, readMs / 1000);
  renameSync(temporary, output);
}

const tool = (name, args) =>
  execFileSync(process.execPath, [at("node_modules", name), ...args], { cwd: root, stdio: ["ignore", 2, 2] });

function buildTypeScript() {
  const stamp = at("dist", ".typescript");
  if (!isStale(stamp, [at("src"), at("tsconfig.json"), at("package.json")])) return;
  const readMs = Date.now();
  tool("typescript/bin/tsc", ["-p", "tsconfig.json"]);
  writeOutput(stamp, "", readMs);
}

function buildKernels() {
  const output = at("dist", "wasm", "kernels.wasm");
  const entry = at("src", "train", "assembly", "index.ts");
  if (!statSync(entry, { throwIfNoEntry: false }) || !isStale(output, [at("src", "train", "assembly")])) return;
  tool("assemblyscript/bin/asc.js", [entry, "--config", at("src", "train", "assembly", "asconfig.json"), "-o", output]);
}

async function buildEngine() {
  const output = at("dist", "wasm", "engine.wasm");
  const sources = ["atome.c", "atome.h"].map((name) => at("engine", name));
  if (!statSync(sources[0], { throwIfNoEntry: false }) || !isStale(output, sources)) return;
  const { commands } = await import("@yowasp/clang");
  const readMs = Date.now();
  const files = Object.fromEntries(
    ["atome.c", "atome.h"].map((name) => [name, readFileSync(at("engine", name), "utf8")]),
  );
  const exported = [...files["atome.h"].matchAll(/\b(atome_[a-z_]+)\(/g)].map(
    (match) => `-Wl,--export-if-defined=${match[1]}`,
  );
  const flags = ["--target=wasm32", "-std=c99", "-O3", "-nostdlib", "-ffreestanding", "-fno-builtin"];
  const link = ["-Wl,--no-entry", "-Wl,--import-memory", "-Wl,--export=__heap_base", "-Wl,-z,stack-size=65536"];
  const result = await commands.clang([...flags, ...link, ...new Set(exported), "atome.c", "-o", "engine.wasm"], files);
  writeOutput(output, result["engine.wasm"], readMs);
}

mkdirSync(at("dist", "wasm"), { recursive: true });
buildKernels();
await buildEngine();
buildTypeScript();
