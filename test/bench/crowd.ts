// A thousand sessions: logins beside them, guestd's memory, and the end of all of them at once.
import { findDaemon } from "../helpers/fault.ts";
import type { Machine } from "../helpers/machine.ts";
import { waitUntil } from "../helpers/wait.ts";
import { leasedArm, sharedArm } from "./arms.ts";
import { killCrowd, openCrowd } from "./crowds.ts";
import * as names from "./names.ts";
import { lastOf } from "./names.ts";
import { readResident } from "./memory.ts";
import { awaitAnswer, awaitCalm, countSessions, runInTurn, type Bench } from "./stage.ts";

/** As many logins at a time as a busy machine answers quickly. */
const PARALLEL = 8;
const END_LIMIT_MS = 600_000;

const unitOf = (count: number) => `crowd-${count}`;

async function openMore(machine: Machine, name: string, count: number): Promise<void> {
  const { refusals } = await openCrowd(machine, { name, count, account: "shared", parallel: PARALLEL, spreadMs: 0 });
  if (refusals.length > 0) throw new Error(`${refusals.length} of ${count} were refused: ${refusals[0] ?? ""}`);
}

/** Opens sessions step by step, and times logins beside them. */
async function growCrowd(bench: Bench): Promise<void> {
  const { machine, sizes, figures } = bench;
  const resident = new Map<number, number>();
  let before = 0;
  for (const count of sizes.crowds) {
    await openMore(machine, unitOf(count), count - before);
    before = count;
    await runInTurn(
      bench,
      [sharedArm(names.crowded(count, "shared")), leasedArm(names.crowded(count, "leased"))],
      count,
    );
    resident.set(count, await readResident(machine));
  }
  // Until the second step guestd warms up, as any program.
  const [, warm = NaN] = sizes.crowds;
  const grown = (resident.get(before) ?? NaN) - (resident.get(warm) ?? NaN);
  figures.setAmount(names.memoryEach(before), grown / (before - warm), "KiB");
}

/** Kills the units' sessions. Returns microseconds until none is left, and the longest without the end of one. */
async function killAll(
  machine: Machine,
  units: readonly string[],
  onLook: (left: number) => void,
): Promise<{ readonly all: number; readonly pause: number }> {
  const count = countSessions(machine);
  const begin = performance.now();
  await killCrowd(machine, ...units);
  let pause = 0;
  let last = begin;
  let left = count;
  await waitUntil(
    `the end of ${count} sessions`,
    () => {
      const now = countSessions(machine);
      pause = Math.max(pause, performance.now() - last);
      if (now < left) last = performance.now();
      left = now;
      onLook(now);
      return now;
    },
    (seen) => seen === 0,
    END_LIMIT_MS,
  );
  return { all: (performance.now() - begin) * 1000, pause: pause * 1000 };
}

async function timeEndOf(
  { machine, figures }: Bench,
  [name, count]: readonly [string, number],
  units: readonly string[],
  onLook: (left: number) => void = () => undefined,
): Promise<void> {
  const { all, pause } = await killAll(machine, units, onLook);
  figures.addTime(name, all / count);
  figures.addTime(names.pauseOf(name), pause);
}

/** Kills guestd once, when half of the sessions have ended. A signal from the host is there at once. */
function killInTheMiddle({ machine, figures }: Bench, count: number): (left: number) => void {
  let isKilled = false;
  return (left) => {
    if (isKilled || left > count / 2) return;
    const pid = findDaemon(machine);
    if (pid === undefined) return;
    isKilled = true;
    process.kill(pid, "SIGKILL");
    figures.setAmount("sessions open when guestd was killed", countSessions(machine), "sessions");
  };
}

export async function timeCrowd(bench: Bench): Promise<void> {
  const { machine, sizes } = bench;
  const most = lastOf(sizes.crowds);
  // Earlier stages have left a large heap: it would hide what sessions take.
  await machine.sh("systemctl restart guestd");
  await awaitAnswer(machine);
  await growCrowd(bench);
  await timeEndOf(bench, [names.endEach(most), most], sizes.crowds.map(unitOf));
  await openMore(machine, "crowd-again", most);
  await timeEndOf(bench, [names.killedEndEach(most), most], ["crowd-again"], killInTheMiddle(bench, most));
  await awaitAnswer(machine);
  await awaitCalm(machine);
}
