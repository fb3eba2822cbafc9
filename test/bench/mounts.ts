// Logins on a host that has many mounts of its own.
import type { Machine } from "../helpers/machine.ts";
import { waitUntil } from "../helpers/wait.ts";
import { bwrapArm, leasedArm, sharedArm } from "./arms.ts";
import { mounted } from "./names.ts";
import { awaitCalm, runInTurn, type Bench } from "./stage.ts";

const PLACE = "/srv/mounts";
const UNITS_LIMIT_MS = 300_000;

/** systemd makes a unit of each mount: logins wait for it. */
async function awaitUnits(machine: Machine, isMet: (count: number) => boolean): Promise<void> {
  const count = `systemctl list-units --type=mount --plain --no-legend 'srv-mounts-*' | wc -l`;
  await waitUntil("systemd to know the mounts", async () => Number(await machine.sh(count)), isMet, UNITS_LIMIT_MS);
}

async function mountMany(machine: Machine, count: number): Promise<void> {
  // One process: as many would take longer than the stage.
  await machine.sh(
    `mkdir -p ${PLACE}; mount -t tmpfs tmpfs ${PLACE}; cd ${PLACE}; seq ${count} | xargs mkdir
    seq ${count} | sed 's,.*,tmpfs ${PLACE}/& tmpfs size=4k 0 0,' >/run/mounts.fstab
    mount --all --fstab /run/mounts.fstab`,
    { timeoutMs: UNITS_LIMIT_MS },
  );
  await awaitUnits(machine, (known) => known >= count);
}

async function unmountMany(machine: Machine): Promise<void> {
  await machine.sh(`umount --lazy ${PLACE}`);
  await awaitUnits(machine, (known) => known === 0);
}

export async function timeMounts(bench: Bench): Promise<void> {
  const { machine, sizes } = bench;
  for (const count of sizes.mounts) {
    if (count > 0) await mountMany(machine, count);
    await runInTurn(bench, [
      sharedArm(mounted(count, "shared")),
      leasedArm(mounted(count, "leased")),
      bwrapArm(mounted(count, "bwrap")),
    ]);
    if (count > 0) await unmountMany(machine);
  }
  await awaitCalm(machine);
}
