// How a guestd that starts takes up what an earlier one has written down: sessions that go on, and such as are to be ended.
import { endWithLeader, startEnding } from "./ending.ts";
import type { RecordFound } from "./events.ts";
import type { Session } from "./session.ts";
import { watchLeader } from "./stages.ts";
import type { Next, State } from "./state.ts";
import { put } from "./state.ts";

/**
 * A session was written down. The record says who the leader was; watching tells whether it still is that process.
 * Without a descriptor of the view its numbers can be another's by now: they are forgotten until it is taken up.
 */
export function recover(state: State, { session, cause = session.cause, receipt, now, uptime }: RecordFound): Next {
  const { view, cause: _recorded, phase: recordedPhase, ...rest } = session;
  const found: Session = {
    ...rest,
    phase: "recovering",
    recordedPhase: recordedPhase === "allocated" || recordedPhase === "ending" ? recordedPhase : "open",
    recorded: true,
    // What was in memory at another boot is in nobody's.
    isViewLost: (rest.isViewLost === true || view !== undefined) && cause !== "lost-power",
    ...(cause === undefined ? {} : { cause }),
    ...(receipt === undefined ? {} : { receipt }),
    ...(receipt === undefined && recordedPhase !== "ending" ? {} : { isReceiptRecovered: true }),
  };
  // Of another boot there is no process to look for, nor of a session that is ended but for what is said of it.
  const isOver = cause === "lost-power" || receipt !== undefined;
  return isOver ? startEnding(state, found, { now, uptime }) : put(state, found, watchLeader(session));
}

/** The leader was looked for. @param isThere it is watched now */
export function resume(state: State, { recordedPhase, ...session }: Session, isThere: boolean): Next {
  const resumed: Session = {
    ...session,
    phase: recordedPhase === "allocated" ? "allocated" : "open",
    isViewLost: session.isViewLost === true && session.view === undefined,
  };
  if (resumed.cause !== undefined) return startEnding(state, resumed);
  // An end that has begun is never called off.
  return isThere && recordedPhase !== "ending" ? put(state, resumed) : endWithLeader(state, resumed);
}
