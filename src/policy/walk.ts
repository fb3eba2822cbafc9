// The walk of all directories: a type. walking.ts decides.
import type { Retry } from "./retry.ts";

export interface Walk {
  /** The UIDs that it looks for; empty without a walk. */
  readonly uids: readonly number[];
  /** In microseconds of the monotonic clock. */
  readonly begunUptime: number;
  /** When to continue or begin, and how often that failed. */
  readonly next: Retry;
}

export const NO_WALK: Walk = { uids: [], begunUptime: 0, next: { attempts: 0, due: 0 } };
