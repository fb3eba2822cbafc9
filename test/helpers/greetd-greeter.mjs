// A greeter for greetd without a screen. Passes on requests from /run/greeter/ask, one a line, and appends each answer
// to /run/greeter/answers. Ends when a session is to start, as greetd demands.
import { appendFileSync, createReadStream } from "node:fs";
import { connect } from "node:net";
import process from "node:process";
import { createInterface } from "node:readline";

const LENGTH_BYTES = 4;
const greetd = connect(process.env.GREETD_SOCK);
let received = Buffer.alloc(0);
let asked = "";

greetd.on("data", (chunk) => {
  received = Buffer.concat([received, chunk]);
  const length = received.length < LENGTH_BYTES ? Infinity : LENGTH_BYTES + received.readUInt32LE();
  if (received.length < length) return;
  const answer = received.subarray(LENGTH_BYTES, length).toString();
  received = received.subarray(length);
  appendFileSync("/run/greeter/answers", `${answer}\n`);
  // exit() would wait for the read in progress.
  if (asked === "start_session" && JSON.parse(answer).type === "success") process.kill(process.pid);
});

// Also open for writing: no end of file.
for await (const line of createInterface({ input: createReadStream("/run/greeter/ask", { flags: "r+" }) })) {
  const request = Buffer.from(line);
  const length = Buffer.alloc(LENGTH_BYTES);
  length.writeUInt32LE(request.length);
  asked = JSON.parse(line).type;
  greetd.write(Buffer.concat([length, request]));
}
