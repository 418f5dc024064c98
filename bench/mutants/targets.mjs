// The two engines that are mutated: how a changed text is held to the suite. A verdict is "invalid" (it does not compile, or is
// the same program), "killed", or "survived".
import { execFile } from "node:child_process";
import { copyFileSync, cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { runnerImport } from "vite";

const root = fileURLToPath(new URL("../../", import.meta.url));

/** Ends a program after so many seconds of its own processor time, however busy the machine is. */
const limited = (seconds, program, args) => ["sh", ["-c", 'ulimit -t "$0"; exec "$@"', `${seconds}`, program, ...args]];

/** Runs a program to its end, or for `seconds` of processor time: {code, stdout}; the code of one that was ended is not 0. */
function run(program, args, { input, env = {}, seconds }) {
  return new Promise((resolve) => {
    const options = { maxBuffer: 2 ** 28, env: { ...process.env, ...env }, cwd: root };
    const child = execFile(...limited(seconds, program, args), options, (error, stdout) =>
      resolve({ code: error ? error.code || 1 : 0, stdout }),
    );
    child.stdin.on("error", () => {}); // of a program that ended before it had read all
    child.stdin.end(input);
  });
}

const SANITIZERS = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"];

/** atome.c: the vectors' host, as it is and as narrow cores get it; what is left, with sanitizers. */
async function cTarget(folder) {
  const [{ module: host }, { module: suite }] = await Promise.all(
    ["engine/test/native-host.ts", "vectors/load.ts"].map((path) => runnerImport(join(root, path))),
  );
  const vectors = [...suite.vectors].sort((a, b) => suite.modelOf(a.name).length - suite.modelOf(b.name).length);
  const jobs = [
    ...suite.malformed.map(({ bytes }) => ({ model: bytes, calls: [] })),
    ...vectors.map(({ name, calls }) => ({ model: suite.modelOf(name), calls })),
  ];
  const cut = suite.malformed.length + 60;
  const inputs = [jobs.slice(0, cut), jobs.slice(cut)].map((part) => Buffer.concat(part.map(host.encodeHostJob)));
  /** Both, or the first: every malformed file and the smallest models. */
  const inputsOf = (isSmall) => (isSmall ? inputs.slice(0, 1) : inputs);
  const hostSource = join(root, "engine/test/vectors-host.c");
  const path = join(root, "engine/atome.c");

  async function compile(source, place, flags) {
    writeFileSync(join(place, "atome.c"), source);
    const args = ["-std=c99", "-w", "-I", join(root, "engine"), ...flags, "atome.c", hostSource, "-o", "host"];
    const { code } = await run(
      "gcc",
      args.map((arg) => (arg === "atome.c" || arg === "host" ? join(place, arg) : arg)),
      { seconds: 20 },
    );
    return code === 0 ? join(place, "host") : undefined;
  }

  const builds = [
    { flags: ["-O1"], textOf: (source) => source, seconds: 4 },
    { flags: ["-O1"], textOf: host.narrow, seconds: 4 },
    { flags: ["-O1", "-DATOME_TABLES=1"], textOf: (source) => source, seconds: 4 },
    { flags: ["-O1", ...SANITIZERS], textOf: host.narrow, seconds: 20, isSmall: true },
    { flags: ["-O1", ...SANITIZERS], textOf: (source) => source, seconds: 20, isSmall: true },
  ];
  /** What a build of the program as it is answers; the arena's size differs between them. */
  async function answersOf({ flags, textOf, isSmall }, place) {
    const program = await compile(textOf(readFileSync(path, "utf8")), place, flags);
    const answers = [];
    for (const input of inputsOf(isSmall)) answers.push((await run(program, [], { input, seconds: 60 })).stdout);
    return answers;
  }
  const reference = join(folder, "reference");
  mkdirSync(reference, { recursive: true });
  for (const build of builds) build.expected = await answersOf(build, reference);

  async function verdictOf(source, place) {
    for (const { flags, textOf, seconds, isSmall, expected } of builds) {
      const program = await compile(textOf(source), place, flags);
      if (!program) return "invalid";
      for (const [i, input] of inputsOf(isSmall).entries()) {
        const { code, stdout } = await run(program, [], { input, seconds });
        if (code !== 0 || stdout !== expected[i]) return "killed";
      }
    }
    return "survived";
  }
  return { name: "engine/atome.c", source: readFileSync(path, "utf8"), verdictOf };
}

/** The mirror: the vectors, then what is left of the engines' own tests. */
async function mirrorTarget() {
  const source = readFileSync(join(root, "dist/engine/mirror.js"), "utf8");
  const host = fileURLToPath(new URL("mirror-host.mjs", import.meta.url));
  const config = fileURLToPath(new URL("vitest.config.ts", import.meta.url));

  async function verdictOf(text, place) {
    const file = join(place, "engine", "mirror.js");
    if (!readable(file)) lay(place);
    writeFileSync(file, text);
    const { code } = await run(process.execPath, [host, pathToFileURL(file).href], { seconds: 15 });
    if (code !== 0) return "killed";
    const vitest = join(root, "node_modules/vitest/vitest.mjs");
    const tests = await run(process.execPath, [vitest, "run", "--config", config], {
      env: { ATOME_MUTANT: file },
      seconds: 60,
    });
    return tests.code === 0 ? "survived" : "killed";
  }
  return { name: "src/engine/mirror.ts", source, verdictOf };
}

function readable(path) {
  try {
    return readFileSync(path).length > 0;
  } catch {
    return false;
  }
}

/** What mirror.js imports, beside it. */
function lay(place) {
  cpSync(join(root, "dist", "engine"), join(place, "engine"), { recursive: true });
  for (const name of ["format", "model"]) symlinkSync(join(root, "dist", name), join(place, name));
  copyFileSync(join(root, "package.json"), join(place, "package.json"));
}

export const targets = { c: cTarget, mirror: mirrorTarget };
