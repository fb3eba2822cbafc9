// Ends the units of a leased account's user, and what logind keeps for them.
import type { MessageBus } from "dbus-next";
import { sliceName } from "../policy/session.ts";
import { poll } from "../wait.ts";
import { knowsUser, terminateUser } from "./login1.ts";
import { resetFailed, stopUnit } from "./systemd1.ts";

/** Then all processes of the user are killed. */
const MANAGER_LIMIT_MS = 1000;
const FORGET_LIMIT_MS = 10_000;

const managerName = (uid: number) => `user@${uid}.service`;

/** After a second the manager is killed with the user's other processes, and forgetUser() stops it again. */
export async function stopManager(bus: MessageBus, uid: number): Promise<void> {
  await stopUnit(bus, managerName(uid), MANAGER_LIMIT_MS);
}

/**
 * Makes logind and systemd forget a user without processes.
 * @throws Error naming the unit that has not ended within 10 s
 */
export async function forgetUser(bus: MessageBus, uid: number): Promise<void> {
  await terminateUser(bus, uid);
  for (const unit of [managerName(uid), `user-runtime-dir@${uid}.service`, sliceName(uid)]) {
    if (!(await stopUnit(bus, unit, FORGET_LIMIT_MS)))
      throw new Error(`${unit} has not ended within ${FORGET_LIMIT_MS} ms`);
    await resetFailed(bus, unit, FORGET_LIMIT_MS);
  }
  if (!(await poll(async () => !(await knowsUser(bus, uid)), FORGET_LIMIT_MS)))
    throw new Error(`logind has not forgotten the user ${uid} within ${FORGET_LIMIT_MS} ms`);
}
