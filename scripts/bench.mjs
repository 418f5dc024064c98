// `npm run bench -- <name> [options]`: installs and builds what is missing, then runs bench/<name>.mjs with the options.
import { readdirSync } from "node:fs";
import { fileURLToPath, pathToFileURL } from "node:url";

const folder = fileURLToPath(new URL("../bench/", import.meta.url));
const names = readdirSync(folder)
  .filter((file) => file.endsWith(".mjs"))
  .map((file) => file.slice(0, -".mjs".length));
const [name, ...options] = process.argv.slice(2);

if (name === undefined) {
  process.stdout.write(`Usage: npm run bench -- <name> [options]\n\nBenches: ${names.join(", ")}\n`);
} else if (!names.includes(name)) {
  process.stderr.write(
    `Cannot run the bench "${name}": there is none of that name; name one of ${names.join(", ")}.\n`,
  );
  process.exitCode = 2;
} else {
  await import("./install.mjs");
  await import("./build.mjs");
  const program = `${folder}${name}.mjs`;
  process.argv = [process.argv[0], program, ...options];
  await import(pathToFileURL(program).href);
}
