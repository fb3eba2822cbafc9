// Many logins within a second, on an idle and on a busy machine.
import type { Machine } from "../helpers/machine.ts";
import { killCrowd, openCrowd } from "./crowds.ts";
import { ACCOUNTS, burst, LOADS, refusedOf, type Account, type Load } from "./names.ts";
import { awaitCalm, type Bench } from "./stage.ts";

const BUSY = ["busy-1", "busy-2", "busy-3", "busy-4"];
const SECOND_MS = 1000;
const MOST_REASONS = 3;

async function beginLoad(machine: Machine): Promise<void> {
  for (const unit of BUSY) await machine.sh(`systemd-run --quiet --collect --unit=${unit} sh -c 'while :; do :; done'`);
}

const endLoad = (machine: Machine) => machine.sh(`systemctl stop ${BUSY.join(" ")}`);

/** The most frequent first. */
export function summarizeRefusals(refusals: readonly string[]): string[] {
  const counts = new Map<string, number>();
  for (const reason of refusals) counts.set(reason, (counts.get(reason) ?? 0) + 1);
  return [...counts]
    .sort(([, a], [, b]) => b - a)
    .slice(0, MOST_REASONS)
    .map(([reason, count]) => `${count}: ${reason}`);
}

async function timeBurst({ machine, figures }: Bench, count: number, account: Account, load: Load): Promise<void> {
  const name = burst(count, account, load);
  const plan = { name: "crowd", count, account, parallel: count, spreadMs: SECOND_MS };
  if (load !== "") await beginLoad(machine);
  const { times, refusals } = await openCrowd(machine, plan).finally(() =>
    load === "" ? undefined : endLoad(machine),
  );
  figures.addTime(name, ...times);
  figures.setAmount(refusedOf(name), refusals.length, "refused");
  for (const line of summarizeRefusals(refusals)) console.log(`${name}: refused ${line}`);
  await killCrowd(machine, plan.name);
  await awaitCalm(machine);
}

export async function timeBursts(bench: Bench): Promise<void> {
  for (const count of bench.sizes.bursts)
    for (const account of ACCOUNTS) for (const load of LOADS) await timeBurst(bench, count, account, load);
}
