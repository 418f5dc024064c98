// `npm test`: installs what the tests use, builds, lints, checks the types and runs every test.
// Arguments go to vitest: `npm test -- src/cli`. The last line is `N passed, N failed, N skipped`, where lint and the type
// check count as one test each. What cannot be installed is named and its tests are skipped; with CI=true it is a failure.
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { nodes } from "./nodes.mjs";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const note = (text) => process.stderr.write(`${text}\n`);

/** A tool whose program has a package of its own. */
const programOf = (name, ...packages) => ({ name, packages: () => packages, isThere: () => hasProgram(name) });

const sanitizers = "-fsanitize=address,undefined";

/** What the tests use beside Node: how to tell that it is there, and the Debian packages that bring it. */
const TOOLS = [
  { name: "gcc", packages: () => ["gcc", "libc6-dev"], isThere: () => canLink("gcc", sanitizers) },
  // Its sanitizers are a package of their own.
  {
    name: "clang",
    packages: () => ["clang", "libclang-rt-dev", "libc6-dev"],
    isThere: () => canLink("clang", sanitizers),
  },
  ...(process.arch === "x64" ? [{ name: "gcc -m32", packages: multilib, isThere: () => canLink("gcc", "-m32") }] : []),
  ...["s390x", "powerpc"].map((cpu) => ({
    name: `${cpu}-linux-gnu-gcc`,
    packages: () => [`gcc-${cpu}-linux-gnu`, `libc6-dev-${cpu}-cross`],
    isThere: () => canLink(`${cpu}-linux-gnu-gcc`, "-static"),
  })),
  programOf("qemu-s390x", "qemu-user"),
  programOf("qemu-ppc", "qemu-user"),
  programOf("arm-none-eabi-gcc", "gcc-arm-none-eabi", "libnewlib-arm-none-eabi"),
  programOf("riscv64-unknown-elf-gcc", "gcc-riscv64-unknown-elf"),
  programOf("xtensa-lx106-elf-gcc", "gcc-xtensa-lx106"),
  programOf("avr-gcc", "gcc-avr", "avr-libc"),
  programOf("qemu-system-arm", "qemu-system-arm"),
  programOf("qemu-system-riscv32", "qemu-system-misc"),
  programOf("qemu-system-xtensa", "qemu-system-misc"),
  // The Ed25519 that the tests give to engine/atome_signature.c.
  { name: "libsodium", packages: () => ["libsodium-dev"], isThere: () => canInclude("sodium.h") },
  programOf("simavr", "simavr"),
  programOf("frama-c", "frama-c-base"),
  programOf("chromium", "chromium"),
];

/**
 * The 32-bit libraries of gcc's version. The package gcc-multilib, which would name them, refuses to stand beside compilers for
 * other processors.
 */
function multilib() {
  const { stdout } = spawnSync("apt-cache", ["depends", "gcc"], { encoding: "utf8" });
  const version = /Depends: (gcc-\d+)$/m.exec(stdout ?? "")?.[1] ?? "gcc";
  return [`${version}-multilib`, "libc6-dev-i386"];
}

/** Whether a compiler makes programs with this flag: headers and libraries are there too. */
function canLink(compiler, flag) {
  if (!hasProgram(compiler)) return false;
  const folder = mkdtempSync(join(tmpdir(), "atome-test-"));
  const args = [flag, "-x", "c", "-", "-o", join(folder, "program")];
  const input = '#include <stdio.h>\nint main(void) { return puts("") < 0; }\n';
  const { status } = spawnSync(compiler, args, { input, stdio: ["pipe", "ignore", "ignore"] });
  rmSync(folder, { recursive: true, force: true });
  return status === 0;
}

/** Whether the C compiler finds a header. */
function canInclude(header) {
  const input = `#include <${header}>\n`;
  const stdio = ["pipe", "ignore", "ignore"];
  return spawnSync("cc", ["-fsyntax-only", "-x", "c", "-"], { input, stdio }).status === 0;
}

const hasProgram = (name) => (process.env.PATH ?? "").split(delimiter).some((folder) => existsSync(join(folder, name)));
const missingTools = () => TOOLS.filter((tool) => !tool.isThere());

/** The prefix that makes a command run as root, or undefined when there is no way without asking. */
function asRoot() {
  if (process.getuid?.() === 0) return [];
  return spawnSync("sudo", ["-n", "true"], { stdio: "ignore" }).status === 0 ? ["sudo", "-n"] : undefined;
}

/** Tries to install the missing tools with apt-get; whether it worked shows in `missingTools`. */
function installTools() {
  const missing = missingTools();
  if (missing.length === 0 || !hasProgram("apt-get")) return;
  const prefix = asRoot();
  if (!prefix) return;
  const apt = (...args) => {
    const [program, ...rest] = [...prefix, "env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-qq", ...args];
    return spawnSync(program, rest, { stdio: ["ignore", 2, 2] }).status === 0;
  };
  const install = (...names) => apt("install", "--yes", "--no-install-recommends", ...names);
  apt("update");
  const packages = [...new Set(missing.flatMap((tool) => tool.packages()))];
  note(`Installing ${packages.join(", ")} (apt-get)...`);
  // One package that does not exist here must not keep the others away.
  if (!install(...packages)) for (const name of packages) install(name);
}

/** Tries to install the missing Nodes with npm; whether it worked shows in `isThere`. */
function installNodes() {
  for (const node of nodes.filter((node) => !node.isThere())) {
    note(`Installing ${node.package} (npm)...`);
    mkdirSync(node.prefix, { recursive: true });
    const options = ["--no-save", "--no-package-lock", "--no-audit", "--no-fund", "--loglevel=error"];
    const args = ["install", "--prefix", node.prefix, ...options, node.package];
    spawnSync("npm", args, { stdio: ["ignore", 2, 2] });
  }
}

const run = (title, args) => {
  note(title);
  return spawnSync(process.execPath, args, { cwd: root, stdio: ["ignore", "inherit", "inherit"] }).status === 0;
};

/** Runs vitest; returns how many tests passed, failed and were skipped, and whether vitest is content. */
function runTests(args) {
  const folder = mkdtempSync(join(tmpdir(), "atome-test-"));
  const counts = join(folder, "counts.json");
  try {
    process.env.ATOME_TEST_COUNTS = counts;
    const reporters = ["--reporter=default", "--reporter=./scripts/counting-reporter.mjs"];
    const succeeded = run("Tests...", ["node_modules/vitest/vitest.mjs", "run", ...reporters, ...args]);
    const found = existsSync(counts) ? JSON.parse(readFileSync(counts, "utf8")) : { passed: 0, failed: 1, skipped: 0 };
    return { ...found, succeeded };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

await import("./install.mjs");
installTools();
installNodes();
const missing = [
  ...missingTools().map((tool) => `${tool.name} (Debian: ${tool.packages().join(" ")})`),
  ...nodes.filter((node) => !node.isThere()).map((node) => `${node.name} (npm: ${node.package})`),
];
for (const what of missing) note(`Missing: ${what}; its tests are skipped.`);
execFileSync(process.execPath, [join(root, "scripts", "build.mjs")], { cwd: root, stdio: ["ignore", 2, 2] });

const checks = [
  run("Lint...", ["node_modules/@biomejs/biome/bin/biome", "check", "."]),
  run("Types...", ["node_modules/typescript/bin/tsc", "-p", "scripts/tsconfig.check.json"]),
];
const tests = runTests(process.argv.slice(2));
if (process.env.CI === "true") checks.push(...missing.map(() => false));

const passed = tests.passed + checks.filter((passes) => passes).length;
// An error outside every test makes vitest fail without a failed test.
const failed = Math.max(tests.failed, tests.succeeded ? 0 : 1) + checks.filter((passes) => !passes).length;
console.log(`${passed} passed, ${failed} failed, ${tests.skipped} skipped`);
process.exitCode = failed === 0 ? 0 : 1;
