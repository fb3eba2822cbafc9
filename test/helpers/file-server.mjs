// Serves a directory over plain HTTP: node file-server.mjs DIRECTORY PORT
// Prints "serving" when ready. Reachable only from its own network namespace.
import { createReadStream } from "node:fs";
import { createServer } from "node:http";
import { join, normalize } from "node:path";

const [directory, port] = process.argv.slice(2);

createServer(({ url }, response) => {
  const path = normalize(decodeURIComponent(new URL(url, "http://localhost").pathname));
  const file = createReadStream(join(directory, path));
  file.on("error", () => response.writeHead(404).end());
  file.on("open", () => file.pipe(response));
}).listen(Number(port), "127.0.0.1", () => console.log("serving"));
