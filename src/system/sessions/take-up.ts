// Takes up a session of an earlier guestd.
import type { FoundOf } from "../../policy/effects.ts";
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
 * @returns a result even without the leader: what is held finds the rest of the session
 */
export function takeUpSession(
  { holdings, leaders, views }: SessionParts,
  id: string,
  leader: Leader,
  recorded: View | undefined,
): FoundOf<"take-up-session"> {
  const view = views.takeUp(id, leader, recorded);
  const isLeaderThere = leaders.takeUp(id, leader);
  // A stop of guestd empties the store.
  holdings.store(id);
  return { view, isLeaderThere };
}
