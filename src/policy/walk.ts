// The walk of all directories that guests may have left files in: whose it looks for, and when it goes on. A type; walking.ts decides.
import type { Retry } from "./retry.ts";

export interface Walk {
  /** UIDs whose files it looks for; none while no walk is under way. */
  readonly uids: readonly number[];
  /** When it began, in microseconds of the monotonic clock. */
  readonly begunUptime: number;
  /** When it goes on, or the next one may begin; how often it has failed. */
  readonly next: Retry;
}

export const NO_WALK: Walk = { uids: [], begunUptime: 0, next: { attempts: 0, due: 0 } };
