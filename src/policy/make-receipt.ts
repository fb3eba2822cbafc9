// Makes the receipt of a session. Pure.
import type { Quarantine } from "./lease.ts";
import type { Moment } from "./moment.ts";
import type { Receipt, SweepKind } from "./receipt.ts";
import { describeUnseen, listLeft, listUnseen } from "./receipt.ts";
import type { Ending } from "./session.ts";

/**
 * Returns the receipt.
 * @param kinds classes that must have been checked
 */
export function makeReceipt(session: Ending, kinds: readonly SweepKind[], closed: Moment): Receipt {
  const { account, found, cause } = session;
  const since = (uptime: number, unit: number) => Math.max(0, Math.round((closed.uptime - uptime) / unit));
  return {
    id: session.id,
    user: account.user,
    uid: account.uid,
    leased: session.leased,
    service: session.service,
    leader: session.leader.pid,
    cause,
    terms: session.acceptance?.digest ?? "",
    acceptedAt: session.acceptance?.at ?? 0,
    openedAt: session.openedAt,
    closedAt: closed.now,
    // The monotonic clock restarts at boot.
    seconds: cause === "lost-power" ? 0 : since(session.openedUptime, 1e6),
    endMilliseconds: since(session.begunUptime, 1e3),
    processesKilled: found.processesKilled,
    tmpfsBytes: found.tmpfsBytes,
    swept: found.swept,
    left: listLeft(found, kinds),
    unseen: listUnseen(found),
    foundLater: [],
    clearedAt: 0,
  };
}

/** Returns why the UID is quarantined; undefined if it is not. */
export function quarantineOf(session: Pick<Ending, "id" | "account" | "receipt" | "found">): Quarantine | undefined {
  const { id, account, receipt, found } = session;
  const last = { user: account.user, session: id };
  const left = [...new Set([...(receipt?.left ?? []), ...listLeft(found, [])])];
  if (left.length > 0) return { reason: left.join("; "), ...last };
  const unseen = receipt?.unseen ?? listUnseen(found);
  return unseen.length === 0 ? undefined : { reason: describeUnseen(unseen), ...last, waits: true };
}
