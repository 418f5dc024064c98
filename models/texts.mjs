// The texts of the models: how each is made from data sets that `atome data` knows, and what of it is held out.
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";

/**
 * Makes the texts of a recipe.
 *
 * @param kind "stories", "commands" or "novels"
 * @param folder where data sets and texts are written
 * @param atome runs a command of the program and returns its JSON object
 * @returns paths of the training texts and of the held-out text, and the data sets they are made from
 */
export function makeTexts(kind, folder, atome) {
  mkdirSync(folder, { recursive: true });
  const fetchSet = (name) => atome(["data", name, "-o", `${folder}/${name}`, "--force"]);
  return makers[kind](folder, fetchSet);
}

const makers = { stories, commands, novels };

/** TinyStories as they are; the held-out ones are of the validation part and share no story with the others. */
function stories(_, fetchSet) {
  const training = ["tinystories-v1-train-2mib", "tinystories-v2-train-10klines"].map(fetchSet);
  const heldOut = fetchSet("tinystories-v2-valid-256k");
  const sets = [...training, heldOut];
  return { training: training.map((set) => set.files[0].file), heldOut: heldOut.files[0].file, sets };
}

/** French novels without the blanks at line ends; one novel is held out. */
function novels(folder, fetchSet) {
  const set = fetchSet("eltec-fra-jeunesse");
  const isHeldOut = ({ file }) => file.endsWith("FRA03903_Stolz.txt");
  const text = (files) => files.map(({ file }) => cleanLines(readFileSync(file, "utf8"))).join("\n");
  return {
    ...write(folder, "novels", text(set.files.filter((file) => !isHeldOut(file))), text(set.files.filter(isHeldOut))),
    sets: [set],
  };
}

/** Lines without blanks around them, of which none is empty; characters that the novels use once in a while made plain. */
const cleanLines = (text) =>
  `${text
    .replace(/[\u00a0\u2009\u202f]/g, " ")
    .replace(/[’‘]/g, "'")
    .replace(/[–—]/g, "-")
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "")
    .join("\n")}\n`;

/** Share of the pages, by a hash of their name, that is held out. */
const HELD_OUT_PAGES = 20;

/**
 * Manual pages as pairs of lines: "tar: extract a compressed archive", "$ tar xf path/to/source.tar.gz". The same command on
 * several platforms is on one side of the split.
 */
function commands(folder, fetchSet) {
  const set = fetchSet("tldr-pages-en");
  const pages = `${folder}/pages`;
  rmSync(pages, { recursive: true, force: true });
  mkdirSync(pages);
  execFileSync("tar", ["-xJf", set.files[0].file, "-C", pages]);
  const parts = { training: "", heldOut: "" };
  const files = ["common", "linux"].flatMap((platform) =>
    readdirSync(`${pages}/pages/${platform}`)
      .sort()
      .map((name) => ({ name, path: `${pages}/pages/${platform}/${name}` })),
  );
  for (const { name, path } of files) {
    const isHeldOut = createHash("sha256").update(name).digest().readUInt32LE() % HELD_OUT_PAGES === 0;
    parts[isHeldOut ? "heldOut" : "training"] += pairs(readFileSync(path, "utf8"));
  }
  return { ...write(folder, "commands", parts.training, parts.heldOut), sets: [set] };
}

/** The examples of a page in Markdown. */
function pairs(page) {
  const title = /^# (.*)$/m.exec(page)?.[1] ?? "";
  const examples = page.matchAll(/^- (.*):\n\n`(.*)`$/gm);
  return [...examples]
    .map(([, task, command]) => `${title}: ${plainTask(task)}\n$ ${plainCommand(command)}\n`)
    .join("");
}

/** Without the brackets around mnemonic letters; first letter small. */
const plainTask = (task) => {
  const plain = task.replace(/\[(\w+)\]/g, "$1");
  return plain.replace(/^[A-Z](?=[a-z ])/, (letter) => letter.toLowerCase());
};

/** The long form of `{{[-s|--long]}}`, and `{{placeholders}}` without braces. */
const plainCommand = (command) => command.replace(/\{\{\[[^|\]]*\|([^\]]*)\]\}\}/g, "$1").replace(/\{\{|\}\}/g, "");

function write(folder, name, training, heldOut) {
  const paths = { training: `${folder}/${name}.txt`, heldOut: `${folder}/${name}-heldout.txt` };
  writeFileSync(paths.training, training);
  writeFileSync(paths.heldOut, heldOut);
  return { training: [paths.training], heldOut: paths.heldOut };
}
