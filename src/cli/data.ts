import { mkdirSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { Command } from "commander";
import { writeFileAtomically } from "../checkpoint/atomic-file.js";
import { UsageError } from "../model/errors.js";
import { type DataFolders, dataFolders, type Fetching, fetchFile, PLACES, type Place, placeOf } from "./data-files.js";
import { type DataSet, dataSets } from "./data-sets.js";
import { checkOutput, prepareFolder, refuseExisting } from "./files.js";
import { interruptible } from "./interrupt.js";
import { type CommonOptions, grouped, Output, table, withCommonOptions, withExamples } from "./output.js";
import { Progress } from "./progress.js";

interface DataOptions extends CommonOptions {
  output?: string;
  force?: boolean;
  offline?: boolean;
}

export function dataCommand(): Command {
  const command = new Command("data")
    .description(
      "List the data sets that published figures and tests use, or write one: from $ATOME_DATA, else from the network.",
    )
    .argument("[name]", "the data set to write; without it they are listed")
    .option(
      "-o, --output <path>",
      "the file, or the folder of a set of several files (default: a folder named like the set)",
    )
    .option("--force", "replace files that exist")
    .option("--offline", "never use the network")
    .action(data);
  return withExamples(
    withCommonOptions(command),
    ["atome data", "what there is, under which licence, and whether it is here"],
    [
      "atome data tinystories-v2-train-10klines -o stories.txt",
      "one of the texts behind the figures of RESULTS.md, byte for byte",
    ],
    ["ATOME_DATA=/mnt/data atome data clinc150", "without a network: from /mnt/data/clinc150"],
  );
}

async function data(name: string | undefined, options: DataOptions): Promise<void> {
  const output = new Output(options);
  const folders = dataFolders(process.env);
  if (name === undefined) return list(options, folders, output);
  const set = findDataSet(name);
  await interruptible((_, signal) => writeDataSet(set, folders, { ...options, signal }, output));
}

/** @throws UsageError with the name that looks most like it */
function findDataSet(name: string): DataSet {
  const found = dataSets.find((set) => set.name === name);
  if (found) return found;
  const likeness = dataSets.map((set) => ({ name: set.name, value: similarity(name, set.name) }));
  const best = likeness.reduce((a, b) => (b.value > a.value ? b : a));
  const fix = best.value > LEAST_SIMILARITY ? `use "${best.name}", or see` : "see";
  throw new UsageError(
    `Cannot fetch "${name}": there is no data set of that name; ${fix} the names with "atome data".`,
  );
}

/** Less is no likeness that a reader would see. */
const LEAST_SIMILARITY = 0.3;

/** Share of the pairs of neighbouring letters that two words have in common, 0..1 (Dice 1945). */
function similarity(a: string, b: string): number {
  const pairs = (word: string) => new Set(Array.from(word.slice(1), (letter, i) => word[i].toLowerCase() + letter));
  const [first, second] = [pairs(a), pairs(b)];
  const common = [...first].filter((pair) => second.has(pair)).length;
  return (2 * common) / Math.max(1, first.size + second.size);
}

function list(options: DataOptions, folders: DataFolders, output: Output): void {
  if (options.output !== undefined) {
    throw new UsageError('Cannot write a data set: none is named; say which, "atome data" lists the names.');
  }
  const listed = dataSets.map((set) => ({ ...set, bytes: byteCountOf(set), from: placeOfSet(set, folders) }));
  output.result({ dataSets: listed, folders });
  const rows = listed.map(({ name, bytes, licence, from, about }) => [name, bytes, licence, from, about]);
  for (const line of table([["name", "bytes", "licence", "from", "what it is"], ...rows])) output.print(line);
  output.print();
  output.print(`ATOME_DATA is ${folders.given ?? "not set"}; the cache is ${folders.cache}.`);
  output.print(
    '"folder only": no address has these bytes; they must be in a folder of the set\'s name in one of the two.',
  );
}

const byteCountOf = (set: DataSet): number => set.files.reduce((total, file) => total + file.byteCount, 0);

/** A set is as far away as the farthest of its files. */
const placeOfSet = (set: DataSet, folders: DataFolders): Place =>
  PLACES[Math.max(...set.files.map((file) => PLACES.indexOf(placeOf(set, file, folders))))];

/**
 * Writes a data set to where the user wants it; nothing is written before all of it is at hand and proved.
 *
 * @throws UsageError when a file exists already, FailureError when one cannot be fetched or written
 */
export async function writeDataSet(
  set: DataSet,
  folders: DataFolders,
  options: DataOptions & { signal: AbortSignal },
  output: Output,
): Promise<void> {
  const { folder, paths } = targetsOf(set, options.output);
  if (folder === undefined) checkOutput(paths[0]);
  if (!options.force) refuseExisting(paths);
  const made = folder === undefined ? undefined : prepareFolder(folder);
  try {
    const fetched = await fetchAll(set, folders, options, output);
    fetched.forEach(({ bytes }, i) => {
      if (folder !== undefined) mkdirSync(dirname(paths[i]), { recursive: true });
      writeFileAtomically(paths[i], bytes);
    });
    report(
      set,
      set.files.map(({ byteCount, sha256 }, i) => ({
        file: paths[i],
        bytes: byteCount,
        sha256,
        from: fetched[i].from,
      })),
      output,
    );
  } catch (error) {
    if (made !== undefined) rmSync(made, { recursive: true, force: true });
    throw error;
  }
}

/** Paths to write, in the order of the set's files, and the folder that they are in unless the user named a file. */
function targetsOf({ name, files }: DataSet, path: string | undefined): { folder?: string; paths: string[] } {
  if (path !== undefined && files.length === 1) return { paths: [path] };
  const folder = path ?? name;
  return { folder, paths: files.map((file) => join(folder, ...file.path.split("/"))) };
}

async function fetchAll(
  set: DataSet,
  folders: DataFolders,
  { offline, signal }: Pick<Fetching, "offline" | "signal">,
  output: Output,
) {
  const progress = new Progress(process.stderr, () => performance.now(), output.quiet);
  const fetching: Fetching = {
    offline,
    signal,
    onBytes: (address, byteCount) => progress.show(() => `${grouped(byteCount)} bytes of ${address}`),
    onUnkept: (reason) => {
      progress.clear();
      output.note(`Not kept for the next time: ${reason}`);
    },
  };
  try {
    const fetched: { bytes: Uint8Array; from: string }[] = [];
    for (const file of set.files) fetched.push(await fetchFile(set, file, folders, fetching));
    return fetched;
  } finally {
    progress.clear();
  }
}

interface Written {
  file: string;
  bytes: number;
  sha256: string;
  from: string;
}

function report(set: DataSet, files: readonly Written[], output: Output): void {
  const licence = `${set.licence} (https://spdx.org/licenses/${set.licence}.html)`;
  const attribution = `${set.makers}, ${set.origin}, ${licence}`;
  output.result({ name: set.name, files, licence: set.licence, attribution });
  for (const { file, bytes, sha256 } of files) {
    output.print(`Wrote ${file}: ${grouped(bytes)} bytes, SHA-256 ${sha256}`);
  }
  output.print(`Keep with it: ${attribution}.`);
}
