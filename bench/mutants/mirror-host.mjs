// Holds a mirror to the vectors: exit code 0 when it passes all, 1 at the first difference or exception.
//
//     node mirror-host.mjs <file: URL of a mirror.js>
import { readFileSync } from "node:fs";
import { answer, malformedBytes } from "../../dist/engine/vectors.js";

const folder = new URL("../../vectors/", import.meta.url);
const parse = (name) => JSON.parse(readFileSync(new URL(name, folder), "utf8"));
const modelOf = (name) => Uint8Array.from(readFileSync(new URL(`${name}.atome`, folder)));
const { check, createMirror } = await import(process.argv[2]);

const isAnswered = (engine, { gives, ...call }) => JSON.stringify(answer(engine, call)) === JSON.stringify(gives);

function passes({ name, arenaBytes, calls }) {
  const model = modelOf(name);
  const verdict = check(model);
  if (verdict.error !== 0 || verdict.arenaBytes !== arenaBytes) return false;
  const engine = createMirror(model);
  return engine.arenaBytes === arenaBytes && calls.every((call) => isAnswered(engine, call));
}

const refuses = (vector) => check(malformedBytes(vector, modelOf)).error === vector.error;

const bySize = [...parse("vectors.json")].sort((a, b) => modelOf(a.name).length - modelOf(b.name).length);
process.exitCode = bySize.every(passes) && parse("malformed.json").every(refuses) ? 0 : 1;
