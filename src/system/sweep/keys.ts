// Removes an account's keys in the kernel (keyrings(7)). Only the account reaches its keyrings, so a program runs as
// it. The kernel counts what is left.
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { poll } from "../../wait.ts";
import { readIfThere } from "../read-file.ts";
import type { SweptItems } from "./items.ts";
import { NOTHING, reasonOf } from "./items.ts";

const PROGRAM = "/usr/lib/guestd/guest-keys";
const PROGRAM_LIMIT_MS = 5000;

/** The kernel counts removed keys a moment longer. */
const PAUSE_MS = 20;

/**
 * Runs guest-keys as a user.
 * @returns its line: keys found, removed, left
 * @throws Error if the program fails, takes five seconds, or prints anything else
 */
export function runGuestKeys(uid: number, program = PROGRAM): Promise<string> {
  // guestd has no right to leave root's group. It also keeps the account from tracing the program (ptrace(2)).
  const options = { uid, env: {}, cwd: "/", timeout: PROGRAM_LIMIT_MS, killSignal: "SIGKILL", maxBuffer: 64 } as const;
  return new Promise((resolve, reject) => {
    const fail = (why: unknown) => reject(new Error(`${program} failed: ${String(why)}`));
    try {
      const child = execFile(program, [], options, (error, stdout) => {
        const line = stdout.trimEnd();
        if (error !== null) fail(error.code ?? error.signal);
        else if (!/^\d+ \d+ \d+$/.test(line)) fail("it does not say what it has found");
        else resolve(line);
      });
      child.stdin?.destroy();
    } catch (error) {
      // guestd lacks the right to become another user.
      fail(reasonOf(error));
    }
  });
}

/**
 * @param root prefix of /proc and /run
 * @param limitMs for the kernel's count to become 0
 * @throws Error if the keys cannot be looked at, or the program cannot be run
 */
export async function sweepKeys(
  root: string,
  uid: number,
  run: (uid: number) => Promise<string>,
  limitMs: number,
): Promise<SweptItems> {
  const found = countKeys(root, uid);
  if (found === 0) return NOTHING;
  const said = await run(uid);
  // Containers share keys. If the program may not see them, neither could the guest: they are the same UID's outside.
  if (said === "0 0 0" && existsSync(join(root, "/run/systemd/container"))) return NOTHING;
  let left = found;
  await poll(() => (left = countKeys(root, uid)) === 0, limitMs, { first: PAUSE_MS, longest: PAUSE_MS });
  return {
    found,
    removed: Math.max(0, found - left),
    left: left > 0 ? [`${left} keys of the account are still there`] : [],
  };
}

// proc_key-users(5): "UID: USAGE KEYS/INSTANTIATED ...". A kernel without keys has no such file.
function countKeys(root: string, uid: number): number {
  const table = readIfThere(join(root, "/proc/key-users")) ?? "";
  const [, keys] = new RegExp(`^ *${uid}: +\\d+ +(\\d+)/`, "m").exec(table) ?? [];
  return Number(keys ?? 0);
}
