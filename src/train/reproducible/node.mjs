// Prints the hashes of program.mjs with 1, 2, 3 and 4 threads as a JSON list.
import * as atome from "../../../dist/index.js";
import { checkpointHashes } from "./program.mjs";

const found = [];
for (const threads of [1, 2, 3, 4]) found.push(await checkpointHashes(atome, atome.nodePlatform, threads));
console.log(JSON.stringify(found));
