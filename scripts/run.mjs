// `npm start` and `npm run atome`: installs and builds what is missing, then runs the command line.
await import("./install.mjs");
await import("./build.mjs");
await import("../dist/cli/main.js");
