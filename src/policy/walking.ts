// UIDs that wait: guests may have left files in directories that were not searched. One walk of all directories looks
// for them, part by part. It releases UIDs without files, and quarantines the others.
import type { Effect, EffectOf } from "./effects.ts";
import type { SweptOwner } from "./effects/walk-paths.ts";
import type { Ended, EventOf } from "./events.ts";
import { isDone } from "./events.ts";
import type { Quarantine } from "./lease.ts";
import { quarantineUid } from "./lease.ts";
import type { Moment } from "./moment.ts";
import { hold, clearanceOf } from "./quarantine.ts";
import { begin, postpone } from "./retry.ts";
import type { Next, State } from "./state.ts";
import { chain, stay } from "./state.ts";
import { PATHS } from "./subject.ts";
import { countOf } from "./words.ts";

/** Microseconds. guestd rests for as long as the walk took, up to this. */
const LONGEST_REST = 3600e6;

/** Limits the UIDs of one walk: each release writes a receipt, on the disk that logins use. */
const MOST_AT_ONCE = 100;

export const isWalkDue = ({ pool, walk }: State): boolean =>
  walk.uids.length > 0 || [...pool.quarantined.values()].some(({ waits }) => waits === true);

/** Begins or continues the walk, on a tick. */
export function walkOn(state: State, { uptime }: Moment): Next {
  const { walk } = state;
  if (walk.next.due > uptime) return stay(state);
  const begins = walk.uids.length === 0;
  const uids = begins ? listWaiting(state, uptime) : walk.uids;
  if (uids.length === 0) return stay(state);
  const going = { uids, begunUptime: begins ? uptime : walk.begunUptime, next: begin(walk.next) };
  return stay({ ...state, walk: going }, { kind: "walk-paths", subject: PATHS, uids, begins });
}

function listWaiting({ pool, retries, sessions }: State, uptime: number): number[] {
  const inUse = new Set([...sessions.values()].map(({ account }) => account.uid));
  const waiting = [...pool.quarantined].flatMap(([uid, { waits }]) =>
    waits === true && !inUse.has(uid) && (retries.get(uid)?.due ?? 0) <= uptime ? [uid] : [],
  );
  return waiting.slice(0, MOST_AT_ONCE);
}

export function judgeWalk(state: State, { uids }: EffectOf<"walk-paths">, event: Ended): Next {
  const { walk } = state;
  const { uptime } = event;
  if (!isDone(event, "walk-paths")) return stay(restUntil(state, postpone(walk.next, uptime)));
  const { done, owners, unread } = event.found;
  if (!done) return stay({ ...state, walk: { ...walk, next: { attempts: 0, due: uptime } } });
  const rest = Math.min(uptime - walk.begunUptime, LONGEST_REST);
  const found = new Map(owners.map((owner) => [owner.uid, owner]));
  const judge = (uid: number) => (before: State) => judgeUid(before, uid, found.get(uid), unread, event);
  return chain(stay(restUntil(state, { attempts: 0, due: uptime + rest })), ...uids.map(judge));
}

const restUntil = (state: State, next: State["walk"]["next"]): State => ({
  ...state,
  walk: { uids: [], begunUptime: 0, next },
});

function judgeUid(
  state: State,
  uid: number,
  owner: SweptOwner | undefined,
  unread: readonly string[],
  event: EventOf<"effect-done">,
): Next {
  const quarantine = state.pool.quarantined.get(uid);
  // An administrator has released it.
  if (quarantine?.waits !== true) return stay(state);
  const { waits: _over, ...last } = quarantine;
  const subject = { of: "uid", uid, user: last.user } as const;
  const reason = describeFound(owner, unread);
  if (reason === undefined) {
    const clears = clearanceOf(last, event);
    return stay(hold(state, uid), { kind: "release-uid", subject, call: undefined, clears });
  }
  const dirty: Quarantine = { ...last, reason };
  const effect: Effect = { kind: "quarantine-uid", subject, quarantine: dirty, found: reason };
  return stay({ ...state, pool: quarantineUid(state.pool, uid, dirty) }, effect);
}

// Only a search that finds nothing releases a UID.
function describeFound(owner: SweptOwner | undefined, unread: readonly string[]): string | undefined {
  const left = [...(owner?.left ?? []), ...unread];
  if (left.length > 0) return `files: ${left.join("; ")}`;
  if (owner === undefined || owner.found === 0) return undefined;
  return `files: ${countOf(owner.found, "file was", "files were")} found later, and taken away`;
}
