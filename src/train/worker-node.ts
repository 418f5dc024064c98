import { type MessagePort, parentPort } from "node:worker_threads";
import { runTeamMember, type StartMessage } from "./team.js";

// The entry of a thread under Node: everything platform-neutral is in team.ts.
const port = parentPort as MessagePort;
port.once("message", (start: StartMessage) => {
  runTeamMember(start, (report) => port.postMessage(report));
});
