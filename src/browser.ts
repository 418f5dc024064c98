/**
 * What a page may use, as "atome-lm/browser": all of "atome-lm" but what reads files, and threads of its own kind. README.md
 * has a whole page that trains.
 */
export * from "./portable.js";
export { browserPlatform } from "./train/threads-browser.js";
