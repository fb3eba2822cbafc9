// A greeter of greetd without a screen: passes on the requests that come through /run/greeter/ask, one a line, and writes down each
// answer in /run/greeter/answers. Ends when a session is to start, as greetd wants it.
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
  // An exit would wait for the read that is going on.
  if (asked === "start_session" && JSON.parse(answer).type === "success") process.kill(process.pid);
});

// Opened for writing as well, it is never at its end.
for await (const line of createInterface({ input: createReadStream("/run/greeter/ask", { flags: "r+" }) })) {
  const request = Buffer.from(line);
  const length = Buffer.alloc(LENGTH_BYTES);
  length.writeUInt32LE(request.length);
  asked = JSON.parse(line).type;
  greetd.write(Buffer.concat([length, request]));
}
