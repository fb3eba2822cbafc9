// Takes up a session of an earlier guestd: its view, and its leader.
import type { Outcome, Subject } from "../../policy/events.ts";
import type { Leader, View } from "../../policy/session.ts";
import type { Holdings } from "./holdings.ts";
import type { Leaders } from "./leaders.ts";
import type { Views } from "./views.ts";

export interface SessionParts {
  readonly holdings: Holdings;
  readonly leaders: Leaders;
  readonly views: Views;
}

/**
 * @param recorded the view as it was then
 * @returns whether the leader has ended; also then the rest is to be found by what is held
 */
export function takeUpSession(
  { holdings, leaders, views }: SessionParts,
  { id }: Subject,
  leader: Leader,
  recorded: View | undefined,
): Outcome {
  const view = views.takeUp(id, leader, recorded);
  const leaderGone = !leaders.takeUp(id, leader);
  // A stop of guestd has emptied the store.
  holdings.store(id);
  return { ...(view === undefined ? {} : { view }), leaderGone };
}
