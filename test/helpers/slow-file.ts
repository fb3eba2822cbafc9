// A slow file without an end.
import { execFileSync, spawn } from "node:child_process";
import { mkdirSync } from "node:fs";
import { dirname } from "node:path";

/** The FIFO receives data every 10 ms. @returns ends the writer */
export function makeSlowFile(path: string): () => void {
  mkdirSync(dirname(path), { recursive: true });
  execFileSync("mkfifo", [path]);
  const writer = spawn("sh", ["-c", 'exec 3<>"$0"; while sleep 0.01; do echo x >&3; done', path], { stdio: "ignore" });
  return () => {
    writer.kill("SIGKILL");
  };
}
