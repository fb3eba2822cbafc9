// What guestd does by the clock: a tick for what waits for time to pass, a sign of life for systemd's watchdog, and what
// systemd had no time to listen to before.
import type { Moment } from "./policy/moment.ts";
import type { FdStore } from "./system/sessions/fd-store.ts";

/** How often it is looked whether something has waited for long enough. */
const TICK_MS = 1000;

export interface HeartbeatParts {
  /** @param uptime microseconds of the monotonic clock */
  readonly onTick: (uptime: number) => void;
  readonly clock: () => Moment;
  readonly fdStore: Pick<FdStore, "forgetRest" | "retry" | "wake">;
  /** systemd could not be told; it will be told again. */
  readonly report: (error: unknown) => void;
}

/**
 * Begins to keep time; all that go on of an earlier guestd's sessions have been taken up.
 * @param watchdogMs within that time systemd wants a sign of life (sd_watchdog_enabled(3)); 0 for never
 */
export function startHeartbeat(
  { onTick, clock, fdStore, report }: HeartbeatParts,
  watchdogMs = Number(process.env["WATCHDOG_USEC"] ?? 0) / 1000,
): void {
  const tell = (what: () => void) => {
    try {
      what();
    } catch (error) {
      report(error);
    }
  };
  tell(() => {
    fdStore.forgetRest();
  });
  setInterval(() => {
    onTick(clock().uptime);
    tell(() => {
      fdStore.retry();
    });
  }, TICK_MS);
  if (watchdogMs > 0)
    setInterval(() => {
      tell(() => {
        fdStore.wake();
      });
    }, watchdogMs / 3);
}
