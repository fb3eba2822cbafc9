// How guestd takes up sessions that an earlier one recorded.
import { startEnding } from "./ending.ts";
import type { Ended, EventOf } from "./events.ts";
import { isDone } from "./events.ts";
import type { EndCause } from "./receipt.ts";
import type { Open, Recovering } from "./session.ts";
import { standingView } from "./session.ts";
import type { Next, State } from "./state.ts";
import { put, stay } from "./state.ts";
import { subjectOf } from "./subject.ts";

/**
 * Handles a record. take-up-session checks whether the leader is the same process. Until then the view counts as lost:
 * without a descriptor, its numbers may be reused.
 */
export function recover(state: State, event: EventOf<"record-found">): Next {
  const { saved, receipt } = event;
  const cause = event.cause ?? (saved.phase === "ending" ? saved.cause : undefined);
  const { phase: recorded, ...login } = saved;
  const session: Recovering = {
    ...login,
    phase: "recovering",
    recorded,
    hasRecord: true,
    endCalls: [],
    recordedView: "view" in saved ? standingView(saved) : undefined,
    // A reboot clears memory.
    view: "view" in saved && saved.view !== undefined && cause !== "lost-power" ? "lost" : undefined,
    cause,
  };
  // After a reboot there is no process. A receipt only has to be announced.
  if (cause === "lost-power" || receipt !== undefined)
    return startEnding(state, session, cause ?? receipt?.cause ?? causeOfExit(recorded), event, receipt);
  const { leader, recordedView: view } = session;
  return put(state, session, { kind: "take-up-session", subject: subjectOf(session), leader, view });
}

export function advanceRecovering(state: State, before: Recovering, event: Ended): Next {
  if (event.effect.kind !== "take-up-session") return stay(state);
  const found = isDone(event, "take-up-session") ? event.found : { view: undefined, isLeaderThere: false };
  const session = { ...before, view: found.view ?? before.view };
  // An end that has begun continues.
  if (found.isLeaderThere && session.cause === undefined) return resume(state, session);
  return startEnding(state, session, session.cause ?? causeOfExit(session.recorded), event);
}

function resume(state: State, { recorded, recordedView: _old, cause: _none, view, ...session }: Recovering): Next {
  if (recorded === "allocated")
    return put(state, { ...session, phase: "allocated", leased: true, view: undefined, cause: undefined });
  const kept = { view: view ?? ("lost" as const), pamClosed: false, running: [], disconnectedUptime: undefined };
  const open: Open = { ...session, phase: "open", ...kept };
  // Earlier versions made no mark.
  return open.leased ? put(state, open, { kind: "permit-unlock", subject: subjectOf(open) }) : put(state, open);
}

/** At the start: removes unlock marks, except for sessions that may continue. */
export function removeStaleMarks(state: State, uids: readonly number[]): Next {
  const sessions = [...state.sessions.values()];
  const mayGoOn = (uid: number) =>
    sessions.some(
      (session) =>
        session.phase === "recovering" &&
        session.recorded === "open" &&
        session.cause === undefined &&
        session.leased &&
        session.account.uid === uid,
    );
  const stale = uids.filter((uid) => !mayGoOn(uid));
  return stay(
    state,
    ...stale.map((uid) => ({ kind: "forbid-unlock", subject: { of: "uid", uid, user: "" } }) as const),
  );
}

const causeOfExit = (recorded: Recovering["recorded"]): EndCause =>
  recorded === "allocated" ? "never-opened" : "leader-exited";
