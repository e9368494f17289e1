// Serves this folder on localhost, with the headers that let a page use threads (cross-origin isolation).
//
//   node serve.mjs [port]        8080 unless told otherwise; 0 takes any that is free
//   node serve.mjs 8080 0.0.0.0  for other devices too; without https their browsers keep threads off
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { createServer } from "node:http";
import { extname, join, normalize, sep } from "node:path";
import { pipeline } from "node:stream/promises";
import { fileURLToPath } from "node:url";

const TYPES = {
  ".css": "text/css; charset=utf-8",
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".json": "application/json",
  ".mjs": "text/javascript; charset=utf-8",
  ".txt": "text/plain; charset=utf-8",
  ".wasm": "application/wasm",
};
const HEADERS = {
  "cache-control": "no-cache", // kept by the browser, and asked about
  "cross-origin-embedder-policy": "require-corp",
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
  "x-content-type-options": "nosniff",
};

const root = fileURLToPath(new URL(".", import.meta.url));
const [port = "8080", host = "127.0.0.1"] = process.argv.slice(2);

/** The file of a URL's path; undefined for one outside the folder. */
function fileOf(url) {
  const path = normalize(join(root, decodeURIComponent(new URL(url, "http://localhost").pathname)));
  if (!path.startsWith(root) || path.includes("\0")) return undefined;
  return path.endsWith(sep) ? join(path, "index.html") : path;
}

const server = createServer(async (request, response) => {
  const send = (status, headers = {}) => response.writeHead(status, { ...HEADERS, ...headers });
  try {
    if (!["GET", "HEAD"].includes(request.method)) return void send(405, { allow: "GET, HEAD" }).end();
    const path = fileOf(request.url);
    const found = path && (await stat(path).catch(() => undefined));
    if (!found?.isFile()) return void send(404).end("Not found\n");
    const etag = `"${found.size.toString(16)}-${found.mtimeMs.toString(16)}"`;
    if (request.headers["if-none-match"] === etag) return void send(304, { etag }).end();
    const type = TYPES[extname(path)] ?? "application/octet-stream";
    send(200, { etag, "content-type": type, "content-length": found.size });
    if (request.method === "HEAD") return void response.end();
    await pipeline(createReadStream(path), response);
  } catch {
    if (!response.headersSent) send(400).end("Bad request\n");
    else response.destroy(); // the browser left
  }
});
server.on("error", (error) => {
  console.error(`${error.message}. Give another port: node serve.mjs 8081`);
  process.exitCode = 1;
});
server.listen(Number(port), host, () => console.log(`http://localhost:${server.address().port}/`));
