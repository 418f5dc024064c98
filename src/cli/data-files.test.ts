import { createHash } from "node:crypto";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type IncomingHttpHeaders, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { dataFolders, fetchFile, placeOf } from "./data-files.js";
import type { DataFile, DataSet } from "./data-sets.js";
import { Interrupted } from "./interrupt.js";

const whole = Buffer.from(Array.from({ length: 5000 }, (_, i) => `story ${i}\n`).join(""));
const wanted = whole.subarray(0, 20_000);
const other = Buffer.from(wanted).fill(120, 10, 11);
const sha256Of = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");

/** The headers of every request, and what the server does with each path. */
const asked: { url: string | undefined; headers: IncomingHttpHeaders }[] = [];
const answers: Record<string, RequestListener> = {
  "/exact": (_, response) => response.end(wanted),
  "/ranges": ({ headers }, response) => {
    const [, from, to] = /^bytes=(\d+)-(\d+)$/.exec(headers.range ?? "") ?? [];
    response.writeHead(206).end(whole.subarray(Number(from), Number(to) + 1));
  },
  "/whole": (_, response) => response.end(whole),
  "/compressed": ({ headers }, response) => {
    const zipped = headers["accept-encoding"]?.includes("gzip");
    response.writeHead(200, zipped ? { "content-encoding": "gzip" } : {}).end(zipped ? gzipSync(wanted) : wanted);
  },
  "/other": (_, response) => response.end(other),
  "/short": (_, response) => response.end(wanted.subarray(0, 1234)),
  "/cut": (_, response) => {
    response.writeHead(200, { "content-length": wanted.length });
    response.write(wanted.subarray(0, 1234), () => response.destroy());
  },
  "/moved": (_, response) => response.writeHead(302, { location: "/ranges" }).end(),
  "/stalled": (_, response) => response.write(wanted.subarray(0, 1234)),
};

let server: Server;
let base: string;
let cwd: string;
let cache: string;
beforeAll(async () => {
  server = createServer((request, response) => {
    asked.push({ url: request.url, headers: request.headers });
    const answer = answers[request.url ?? ""];
    if (answer) answer(request, response);
    else response.writeHead(404).end("none");
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});
beforeEach(() => {
  asked.length = 0;
  cwd = mkdtempSync(join(tmpdir(), "atome-data-"));
  cache = join(cwd, "cache");
});
afterEach(() => rmSync(cwd, { recursive: true, force: true }));

const signal = new AbortController().signal;
const setOf = (...addresses: string[]): DataSet & { files: [DataFile] } => ({
  name: "tales",
  about: "tales",
  licence: "CC0-1.0",
  makers: "nobody",
  origin: "https://example.org/tales",
  files: [{ path: "part/tales.txt", byteCount: wanted.length, sha256: sha256Of(wanted), addresses }],
});
const kept = () => join(cache, "tales", "part", "tales.txt");
const fetchFrom = (...paths: string[]) => {
  const set = setOf(...paths.map((path) => base + path));
  return fetchFile(set, set.files[0], { cache }, { signal });
};

describe("a download", () => {
  test.each(["/exact", "/ranges", "/whole", "/compressed", "/moved"])("from %s is proved and kept", async (path) => {
    const { bytes, from } = await fetchFrom(path);
    expect(wanted.equals(bytes)).toBe(true);
    expect(from).toBe(base + path);
    expect(readFileSync(kept()).equals(wanted)).toBe(true);
  });

  test("asks for the file's bytes only, also after being sent elsewhere", async () => {
    await fetchFrom("/moved");
    expect(asked.map(({ url, headers }) => [url, headers.range])).toEqual([
      ["/moved", "bytes=0-19999"],
      ["/ranges", "bytes=0-19999"],
    ]);
  });

  test("tells how many bytes have come, none beyond the file", async () => {
    const set = setOf(`${base}/whole`);
    const counts: number[] = [];
    await fetchFile(set, set.files[0], { cache }, { signal, onBytes: (_, count) => counts.push(count) });
    expect(counts.at(-1)).toBe(wanted.length);
    expect(counts).toEqual([...counts].sort((a, b) => a - b));
  });

  test.each([
    ["/other", `its 20,000 bytes have the SHA-256 ${sha256Of(other)}, expected 20,000 bytes with ${sha256Of(wanted)}`],
    ["/none", "the server says 404, expected 200 or 206"],
    ["/short", "it ended after 1,234 of 20,000 bytes"],
    ["/cut", "it ended after 1,234 of 20,000 bytes"],
  ])("from %s is refused and nothing is kept", async (path, reason) => {
    await expect(fetchFrom(path)).rejects.toThrow(
      `Cannot fetch "tales/part/tales.txt": ATOME_DATA is not set, and ${base}${path} failed (${reason}); set ATOME_DATA to a folder that holds tales/part/tales.txt, or download ${base}${path} to "${kept()}".`,
    );
    expect(existsSync(cache)).toBe(false);
  });

  test("says when there is no connection", async () => {
    const gone = createServer().listen(0, "127.0.0.1");
    await once(gone, "listening");
    const address = `http://127.0.0.1:${(gone.address() as AddressInfo).port}/tales.txt`;
    gone.close();
    await once(gone, "close");
    const set = setOf(address);
    await expect(fetchFile(set, set.files[0], { cache }, { signal })).rejects.toThrow(
      `${address} failed (no connection, the system says ECONNREFUSED); set ATOME_DATA`,
    );
  });

  test("goes on with the next address, and names all that failed", async () => {
    expect((await fetchFrom("/none", "/other", "/whole")).from).toBe(`${base}/whole`);
    rmSync(cache, { recursive: true });
    await expect(fetchFrom("/none", "/short")).rejects.toThrow(
      `${base}/none failed (the server says 404, expected 200 or 206), and ${base}/short failed (it ended after`,
    );
  });

  test("stops at once when interrupted, and keeps nothing", async () => {
    const stopping = new AbortController();
    const set = setOf(`${base}/stalled`, `${base}/exact`);
    const fetching = { signal: stopping.signal, onBytes: () => stopping.abort() };
    await expect(fetchFile(set, set.files[0], { cache }, fetching)).rejects.toThrow(Interrupted);
    expect(asked.length).toBe(1);
    expect(existsSync(cache)).toBe(false);
  });

  test("counts although the cache cannot be written", async () => {
    writeFileSync(cache, "a file");
    const set = setOf(`${base}/exact`);
    const remarks: string[] = [];
    const fetching = { signal, onUnkept: (reason: string) => remarks.push(reason) };
    expect(wanted.equals((await fetchFile(set, set.files[0], { cache }, fetching)).bytes)).toBe(true);
    expect(remarks.length).toBe(1);
    expect(readdirSync(cwd)).toEqual(["cache"]);
  });
});

describe("a folder", () => {
  const put = (folder: string, bytes: Uint8Array) => {
    mkdirSync(join(folder, "tales", "part"), { recursive: true });
    writeFileSync(join(folder, "tales", "part", "tales.txt"), bytes);
  };

  test("of the user comes first, then the cache, then the network", async () => {
    const set = setOf(`${base}/exact`);
    const [file] = set.files;
    const folders = { given: join(cwd, "given"), cache };
    const where = async () => [placeOf(set, file, folders), (await fetchFile(set, file, folders, { signal })).from];
    expect(await where()).toEqual(["network", `${base}/exact`]);
    expect(await where()).toEqual(["cache", kept()]);
    put(folders.given, wanted);
    expect(await where()).toEqual(["ATOME_DATA", join(folders.given, "tales", "part", "tales.txt")]);
    expect(asked.length).toBe(1);
  });

  test.each(["given", "cache"])("with other bytes is refused: %s", async (name) => {
    put(join(cwd, name), other);
    const set = setOf(`${base}/exact`);
    const path = join(cwd, name, "tales", "part", "tales.txt");
    await expect(fetchFile(set, set.files[0], { given: join(cwd, "given"), cache }, { signal })).rejects.toThrow(
      `Cannot use "${path}": its 20,000 bytes have the SHA-256 ${sha256Of(other)}, expected 20,000 bytes with ${sha256Of(wanted)}; replace it`,
    );
    expect(asked.length).toBe(0);
  });

  test("is the only way to a file without addresses", async () => {
    const set = { ...setOf(), madeBy: "pack tales" };
    const folders = { given: join(cwd, "given"), cache };
    expect(placeOf(set, set.files[0], folders)).toBe("folder only");
    await expect(fetchFile(set, set.files[0], folders, { signal })).rejects.toThrow(
      `Cannot fetch "tales/part/tales.txt": "${folders.given}" does not hold it, and no address has its bytes (they were made from https://example.org/tales by "pack tales", of which other versions may write others); set ATOME_DATA to a folder that holds tales/part/tales.txt, or put a copy to "${kept()}".`,
    );
  });

  test("is all that --offline looks at", async () => {
    const set = setOf(`${base}/exact`);
    await expect(fetchFile(set, set.files[0], { cache }, { signal, offline: true })).rejects.toThrow(
      `ATOME_DATA is not set, and --offline forbids the network; set ATOME_DATA to a folder that holds tales/part/tales.txt, or download ${base}/exact to "${kept()}".`,
    );
    expect(asked.length).toBe(0);
  });
});

test("the cache stands where the system wants caches", () => {
  expect(dataFolders({ ATOME_DATA: "/data", XDG_CACHE_HOME: "/c" })).toEqual({
    given: "/data",
    cache: join("/c", "atome", "data"),
  });
  expect(dataFolders({ ATOME_DATA: "", LOCALAPPDATA: "/l" })).toEqual({
    given: undefined,
    cache: join("/l", "atome", "data"),
  });
});
