// The clocks of the machine: the wall clock, and the monotonic one.
import type { Moment } from "./policy/moment.ts";

export function readClock(): Moment {
  return { now: Date.now(), uptime: Number(process.hrtime.bigint() / 1000n) };
}
