// The outcomes of trainings, one small file each, so that nothing is trained twice.
import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { writeFileAtomically } from "../../dist/checkpoint/atomic-file.js";

const hashOf = (job) => createHash("sha256").update(JSON.stringify(job)).digest("hex");

export class Outcomes {
  #folder;
  #rows = new Map();

  constructor(keep) {
    this.#folder = join(keep, "outcomes");
    mkdirSync(this.#folder, { recursive: true });
    for (const name of readdirSync(this.#folder).filter((file) => file.endsWith(".json"))) {
      const row = JSON.parse(readFileSync(join(this.#folder, name), "utf8"));
      this.#rows.set(row.sha256, row);
    }
  }

  /**
   * The outcome of a job, made and kept when it is not known yet.
   *
   * @param job {version, set, flashBytes, peer, config, seed}: what decides the outcome
   * @param make gives its figures
   */
  of(job, make) {
    const sha256 = hashOf(job);
    const known = this.#rows.get(sha256);
    if (known) return known;
    const row = { ...job, sha256, ...make() };
    this.#rows.set(sha256, row);
    const name = `${job.set}-${job.flashBytes ?? "unlimited"}-${job.peer}-${sha256.slice(0, 12)}.json`;
    writeFileAtomically(join(this.#folder, name), new TextEncoder().encode(`${JSON.stringify(row)}\n`));
    return row;
  }
}
