// The walk of all directories that guests may have left files in: whose files it looks for, and when it
// continues. A type; walking.ts decides.
import type { Retry } from "./retry.ts";

export interface Walk {
  /** The UIDs whose files it looks for; empty if no walk is in progress. */
  readonly uids: readonly number[];
  /** When it began, in microseconds of the monotonic clock. */
  readonly begunUptime: number;
  /** When it continues, or when the next one may begin; and how often it has failed. */
  readonly next: Retry;
}

export const NO_WALK: Walk = { uids: [], begunUptime: 0, next: { attempts: 0, due: 0 } };
