// guestd as it is, but that an effect can fail, or be the last thing it does: as /run/guestd-fault says, once.
// For tests alone: what is installed has src/guestd.ts for an entry, which knows nothing of this.
import { readFileSync, rmSync } from "node:fs";
import { constants } from "node:os";
import type { EffectKind } from "../../src/policy/effects.ts";
import { start } from "../../src/start.ts";

/** Holds "WHEN EFFECT FAULT": before or after; an effect's kind; "kill" or the name of an errno. */
const FILE = "/run/guestd-fault";

function strike(when: "before" | "after", kind: EffectKind): void {
  const fault = takeFault(`${when} ${kind} `);
  if (fault === undefined) return;
  if (fault === "kill") process.kill(process.pid, "SIGKILL");
  throw Object.assign(new Error(`${fault} (injected)`), {
    code: fault,
    errno: constants.errno[fault as keyof typeof constants.errno],
  });
}

function takeFault(start: string): string | undefined {
  let text;
  try {
    text = readFileSync(FILE, "utf8").trim();
  } catch {
    return undefined;
  }
  if (!text.startsWith(start)) return undefined;
  rmSync(FILE);
  return text.slice(start.length);
}

await start((run) => async (effect) => {
  strike("before", effect.kind);
  const outcome = await run(effect);
  strike("after", effect.kind);
  return outcome;
});
