// A machine that guests have used, and its state after they left.
import { awaitNoSessions } from "./guests.ts";
import { Machine } from "./machine.ts";
import type { Release } from "./root.ts";
import type { Snapshot } from "./snapshot.ts";

/** How long logind keeps a user after the last session. */
export const LOGIND_KEEPS_USERS_MS = 20_000;

/** Logs each guest in and out once: the calm state includes caches of guestd, sshd and logind. */
export async function bootCalm(
  release: Release,
  guests: readonly string[],
): Promise<{ readonly machine: Machine; readonly calm: Snapshot }> {
  const machine = await Machine.boot(release);
  await machine.sh("guestctl status");
  for (const user of guests) await machine.ssh(user, "true");
  await awaitNoSessions(machine);
  const first = await machine.calmSnapshot();
  const expected = {
    ...first,
    units: [],
    mounts: first.mounts.filter((mount) => !mount.startsWith("/run/user/")),
    files: first.files.filter((file) => !file.startsWith("/run/user/")),
    sessions: [],
  };
  return { machine, calm: await machine.snapshotLike(expected, LOGIND_KEEPS_USERS_MS) };
}
