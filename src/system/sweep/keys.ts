// The keys that Linux holds for an account (keyrings(7)). Only the account itself can reach its keyrings, so a program
// of ours goes there as the account; what is left the kernel's own count says, not that program.
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { poll } from "../../wait.ts";
import { readIfThere } from "../read-file.ts";
import type { SweptItems } from "./items.ts";
import { NOTHING, reasonOf } from "./items.ts";

const PROGRAM = "/usr/lib/guestd/guest-keys";
const PROGRAM_LIMIT_MS = 5000;

/** What is taken away the kernel counts until its garbage collector has been there: a moment. */
const PAUSE_MS = 20;

/**
 * Runs guest-keys as a user, without an environment.
 * @returns the line it has printed: how many keys it has found, how many of them removed, how many left
 * @throws Error when it cannot be started, fails, is not done after five seconds, or prints anything else
 */
export function runGuestKeys(uid: number, program = PROGRAM): Promise<string> {
  // In root's group, which guestd has no right to leave: so no process of the account may trace it (ptrace(2)).
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
      // Without the right to become another user.
      fail(reasonOf(error));
    }
  });
}

/**
 * Takes away the keys of an account.
 * @param root stands before /proc and /run
 * @param limitMs waits as long for the kernel's count to be 0
 * @throws Error when it cannot be looked at, or when the program cannot be run
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
  // Keys know nothing of containers: where the program may not look, nor could the guest, and these are those of
  // an account of the same number outside.
  if (said === "0 0 0" && existsSync(join(root, "/run/systemd/container"))) return NOTHING;
  let left = found;
  await poll(() => (left = countKeys(root, uid)) === 0, limitMs, { first: PAUSE_MS, longest: PAUSE_MS });
  return {
    found,
    removed: Math.max(0, found - left),
    left: left > 0 ? [`${left} keys of the account are still there`] : [],
  };
}

// proc_key-users(5): "UID: USAGE KEYS/INSTANTIATED ...". No line: no keys; no file: no keys in this kernel.
function countKeys(root: string, uid: number): number {
  const table = readIfThere(join(root, "/proc/key-users")) ?? "";
  const [, keys] = new RegExp(`^ *${uid}: +\\d+ +(\\d+)/`, "m").exec(table) ?? [];
  return Number(keys ?? 0);
}
