// Debian's Chromium on this repository as a web site, for the tests that need a page.
import { existsSync, readFileSync } from "node:fs";
import { createServer } from "node:http";
import { delimiter, extname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";

const root = fileURLToPath(new URL("..", import.meta.url));

export const chromiumPath = (process.env.PATH ?? "")
  .split(delimiter)
  .map((folder) => join(folder, "chromium"))
  .find((path) => existsSync(path));

const contentTypes = {
  ".html": "text/html",
  ".js": "text/javascript",
  ".json": "application/json",
  ".mjs": "text/javascript",
  ".wasm": "application/wasm",
};

/**
 * The repository with this package installed in it; below /open/ without the headers that isolate a page.
 *
 * @param {Record<string, string>} pages more pages by their path
 * @returns {Promise<import("node:http").Server>}
 */
function serve(pages) {
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? "/", "http://localhost").pathname;
    if (!url.startsWith("/open/")) {
      response.setHeader("Cross-Origin-Opener-Policy", "same-origin");
      response.setHeader("Cross-Origin-Embedder-Policy", "require-corp");
    }
    response.setHeader("Content-Type", contentTypes[extname(url)] ?? "text/plain");
    if (pages[url] !== undefined) return response.end(pages[url]);
    const path = join(root, url.replace(/^\/open\//, "/").replace(/^\/node_modules\/atome-lm\//, "/"));
    if (!existsSync(path)) response.statusCode = 404;
    return response.end(existsSync(path) ? readFileSync(path) : "");
  });
  return new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve(server)));
}

/**
 * Starts the site and the browser.
 *
 * @param {Record<string, string>} pages more pages by their path
 */
export async function openChromium(pages = {}) {
  const server = await serve(pages);
  const background = ["--disable-background-networking", "--disable-component-update", "--disable-sync"];
  const browser = await chromium.launch({
    executablePath: chromiumPath,
    args: ["--no-sandbox", "--disable-gpu", "--no-first-run", ...background],
  });
  return {
    browser,
    origin: `http://127.0.0.1:${server.address().port}`,
    async close() {
      await browser.close();
      server.close();
    },
  };
}
