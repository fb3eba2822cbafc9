// Reads the wall clock and the monotonic clock.
import type { Moment } from "./policy/moment.ts";

export function readClock(): Moment {
  return { now: Date.now(), uptime: Number(process.hrtime.bigint() / 1000n) };
}
