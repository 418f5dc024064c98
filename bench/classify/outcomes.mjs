// The outcomes of trainings, one small file each, so that nothing is trained twice.
import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { writeFileAtomically } from "../../dist/checkpoint/atomic-file.js";

const hashOf = (job) => createHash("sha256").update(JSON.stringify(job)).digest("hex");

export class Outcomes {
  #folder;
  #rows = new Map();

  /** @param published outcomes known from elsewhere */
  constructor(keep, published = []) {
    this.#folder = join(keep, "outcomes");
    mkdirSync(this.#folder, { recursive: true });
    const names = readdirSync(this.#folder).filter((file) => file.endsWith(".json"));
    const kept = names.map((name) => JSON.parse(readFileSync(join(this.#folder, name), "utf8")));
    for (const row of [...published, ...kept]) this.#rows.set(row.sha256, row);
  }

  get all() {
    return [...this.#rows.values()];
  }

  /**
   * The outcome of a job, made and kept when it is not known yet.
   *
   * @param job {version, set, flashBytes, peer, config, seed, figures}: what decides the outcome
   * @param make gives its figures
   */
  of(job, make) {
    const sha256 = hashOf(job);
    return this.#rows.get(sha256) ?? this.#save({ ...job, sha256, ...make() });
  }

  /** The same for what takes its time elsewhere; `make` is given the job's hash. */
  async ofAsync(job, make) {
    const sha256 = hashOf(job);
    return this.#rows.get(sha256) ?? this.#save({ ...job, sha256, ...(await make(sha256)) });
  }

  #save(row) {
    this.#rows.set(row.sha256, row);
    const name = `${row.set}-${row.flashBytes ?? "unlimited"}-${row.peer}-${row.sha256.slice(0, 12)}.json`;
    writeFileAtomically(join(this.#folder, name), new TextEncoder().encode(`${JSON.stringify(row)}\n`));
    return row;
  }
}
