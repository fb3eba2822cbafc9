// A file that is read slowly and has no end.
import { execFileSync, spawn } from "node:child_process";
import { mkdirSync } from "node:fs";
import { dirname } from "node:path";

/** Creates a FIFO that receives data every 10 ms. Returns a function that ends the writer. */
export function makeSlowFile(path: string): () => void {
  mkdirSync(dirname(path), { recursive: true });
  execFileSync("mkfifo", [path]);
  const writer = spawn("sh", ["-c", 'exec 3<>"$0"; while sleep 0.01; do echo x >&3; done', path], { stdio: "ignore" });
  return () => {
    writer.kill("SIGKILL");
  };
}
