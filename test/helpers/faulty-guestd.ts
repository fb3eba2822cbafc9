// The real guestd, except that one effect fails, hangs or kills guestd, as /run/guestd-fault says. Only for tests:
// src/guestd.ts does not know this file.
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { constants } from "node:os";
import type { EffectKind } from "../../src/policy/effects.ts";
import { start } from "../../src/start.ts";

/**
 * Contains "WHEN N EFFECT FAULT". WHEN is before or after. FAULT is kill, hang or an errno's name. N counts down in the
 * file, also across restarts. The file is removed when the fault happens.
 */
const FILE = "/run/guestd-fault";

async function strike(when: "before" | "after", kind: EffectKind): Promise<void> {
  const fault = takeFault(when, kind);
  if (fault === undefined) return;
  if (fault === "kill") process.kill(process.pid, "SIGKILL");
  if (fault === "hang") await new Promise(() => undefined);
  throw Object.assign(new Error(`${fault} (injected)`), {
    code: fault,
    errno: constants.errno[fault as keyof typeof constants.errno],
  });
}

function takeFault(when: string, kind: EffectKind): string | undefined {
  const [at, count = "", effect, fault] = readFault();
  if (at !== when || effect !== kind) return undefined;
  if (count !== "1") {
    writeFileSync(FILE, `${at} ${Number(count) - 1} ${effect} ${fault ?? ""}`);
    return undefined;
  }
  rmSync(FILE);
  return fault;
}

function readFault(): string[] {
  try {
    return readFileSync(FILE, "utf8").trim().split(" ");
  } catch {
    return [];
  }
}

await start((run) => async (effect) => {
  await strike("before", effect.kind);
  const outcome = await run(effect);
  await strike("after", effect.kind);
  return outcome;
});
