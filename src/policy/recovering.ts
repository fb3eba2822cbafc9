// How a guestd that starts takes up what an earlier one recorded: sessions that continue,
// and sessions that must be ended.
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
 * Handles the record of a session. The record names the leader; take-up-session checks
 * whether it is still that process.
 * Without a descriptor of the view, its numbers may belong to something else by now. The view
 * counts as lost until it is taken up.
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
    // What another boot had in memory is gone.
    view: "view" in saved && saved.view !== undefined && cause !== "lost-power" ? "lost" : undefined,
    cause,
  };
  // A session of another boot has no process to look for. One with a receipt only has to be announced.
  if (cause === "lost-power" || receipt !== undefined)
    return startEnding(state, session, cause ?? receipt?.cause ?? causeOfExit(recorded), event, receipt);
  const { leader, recordedView: view } = session;
  return put(state, session, { kind: "take-up-session", subject: subjectOf(session), leader, view });
}

/** Handles the search for the leader and the view of a session. */
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

/** At the start: removes the marks of guests who may unlock the screen, unless their session may continue. */
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
