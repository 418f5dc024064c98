#!/usr/bin/env node
import { runCli } from "./run.js";

// Started by another process over a channel, as by "atome sweep": save and stop when that one is gone.
if (process.channel) {
  process.on("disconnect", () => process.kill(process.pid, "SIGTERM"));
  // Listening alone would keep this process alive.
  process.channel.unref();
}

process.exitCode = await runCli(process.argv.slice(2));
