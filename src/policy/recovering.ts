// How a guestd that starts takes up what an earlier one has written down: sessions that go on, and such as are to be ended.
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
 * A session was written down. The record says who the leader was; looking tells whether it still is that process.
 * Without a descriptor of the view its numbers can belong to others by now: they are forgotten until it is taken up.
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
    // What was in memory at another boot is gone.
    view: "view" in saved && saved.view !== undefined && cause !== "lost-power" ? "lost" : undefined,
    cause,
  };
  // Of another boot there is no process to look for, nor of a session that is ended but for what is said of it.
  if (cause === "lost-power" || receipt !== undefined)
    return startEnding(state, session, cause ?? receipt?.cause ?? causeOfExit(recorded), event, receipt);
  const { leader, recordedView: view } = session;
  return put(state, session, { kind: "take-up-session", subject: subjectOf(session), leader, view });
}

/** The leader of a session and its view were looked for. */
export function advanceRecovering(state: State, before: Recovering, event: Ended): Next {
  if (event.effect.kind !== "take-up-session") return stay(state);
  const found = isDone(event, "take-up-session") ? event.found : { view: undefined, isLeaderThere: false };
  const session = { ...before, view: found.view ?? before.view };
  // An end that has begun is never called off.
  if (found.isLeaderThere && session.cause === undefined) return resume(state, session);
  return startEnding(state, session, session.cause ?? causeOfExit(session.recorded), event);
}

function resume(state: State, { recorded, recordedView: _old, cause: _none, view, ...session }: Recovering): Next {
  if (recorded === "allocated")
    return put(state, { ...session, phase: "allocated", leased: true, view: undefined, cause: undefined });
  const kept = { view: view ?? ("lost" as const), pamClosed: false, running: [], disconnectedUptime: undefined };
  const open: Open = { ...session, phase: "open", ...kept };
  // An earlier version has made no mark.
  return open.leased ? put(state, open, { kind: "permit-unlock", subject: subjectOf(open) }) : put(state, open);
}

/** At the start: the UIDs whose guests may unlock their screens. A mark of no session that may go on is removed. */
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
