// guestd's resident memory.
import type { Machine } from "../helpers/machine.ts";
import { sharedArm } from "./arms.ts";
import { RESIDENT } from "./names.ts";
import { awaitAnswer, awaitCalm, runArm, type Bench } from "./stage.ts";

const KIB_PER_MB = 1000 / 1.024;

/** @returns KiB */
export async function readResident(machine: Machine): Promise<number> {
  return Number(await machine.sh("awk '/^VmRSS/ { print $2 }' /proc/$(systemctl show -P MainPID guestd)/status"));
}

/** Of a guestd that has had one session and has nothing to do. */
export async function readIdle({ machine, figures }: Bench): Promise<void> {
  await machine.sh("systemctl restart guestd");
  await awaitAnswer(machine);
  await runArm(machine, sharedArm("the first login"));
  await awaitCalm(machine);
  figures.setAmount(RESIDENT, (await readResident(machine)) / KIB_PER_MB, "MB");
  const node = "node -e 'process.stdout.write(String(process.memoryUsage.rss() / 1e6))'";
  figures.setAmount("idle node, resident", Number(await machine.sh(node)), "MB");
}
