// The stages of the benchmark, in their order: those that could leave the machine slower come last.
import { COLD, COLD_START, GUESTCTL, LOGINS, STRANGERS } from "./arms.ts";
import { timeBursts } from "./bursts.ts";
import { timeCrowd } from "./crowd.ts";
import { timeEnds } from "./ends.ts";
import { readIdle } from "./memory.ts";
import { timeMounts } from "./mounts.ts";
import { COMPLETION_STARTS } from "./names.ts";
import { timePrompts } from "./prompt.ts";
import { timeSkeletons } from "./skeleton.ts";
import { runArm, runInTurn, type Bench, type Stage } from "./stage.ts";

/** Those that take longest, or whose arms differ by much. */
const fewer = (bench: Bench): Bench => ({ ...bench, rounds: Math.ceil(bench.rounds / 4) });

/** Counts the programs that a completion starts: a guestctl of its own comes first in PATH. */
async function countStarts({ machine, figures }: Bench): Promise<void> {
  const starts = await machine.sh(`mkdir -p /run/counting; : >/run/counting/starts
    printf '#!/bin/sh\\necho >>/run/counting/starts\\n' | tee /run/counting/guestctl >/run/counting/node
    chmod 755 /run/counting/guestctl /run/counting/node
    PATH=/run/counting:$PATH complete-id
    wc -l </run/counting/starts`);
  figures.setAmount(COMPLETION_STARTS, Number(starts), "starts");
}

async function timeGuestctl(bench: Bench): Promise<void> {
  await runInTurn(bench, GUESTCTL);
  await countStarts(bench);
}

async function timeColdStarts({ machine, rounds, figures }: Bench): Promise<void> {
  for (let round = 0; round < rounds; round++)
    for (const arm of COLD) {
      if (arm === COLD_START) await machine.sh("systemctl stop guestd");
      figures.addTime(arm.name, await runArm(machine, arm));
    }
}

export const STAGES: readonly Stage[] = [
  { name: "memory", run: readIdle },
  { name: "logins", run: (bench) => runInTurn(bench, LOGINS) },
  { name: "strangers", run: (bench) => runInTurn(bench, STRANGERS) },
  { name: "guestctl", run: timeGuestctl },
  { name: "cold", run: (bench) => timeColdStarts(fewer(bench)) },
  { name: "prompt", run: (bench) => timePrompts(fewer(bench)) },
  { name: "ends", run: (bench) => timeEnds(fewer(bench)) },
  { name: "mounts", run: (bench) => timeMounts(fewer(bench)) },
  { name: "skeleton", run: (bench) => timeSkeletons(fewer(bench)) },
  { name: "bursts", run: timeBursts },
  { name: "crowd", run: (bench) => timeCrowd(fewer(bench)) },
];
