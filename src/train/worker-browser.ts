import { runTeamMember, type StartMessage } from "./team.js";

// The entry of a thread in a page: everything platform-neutral is in team.ts. Workers know no import map, so nothing here
// may lead to an import by package name.
addEventListener(
  "message",
  ({ data }: MessageEvent<StartMessage>) => runTeamMember(data, (report) => postMessage(report)),
  { once: true },
);
