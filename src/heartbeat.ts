// What guestd does by the clock: ticks, pings of systemd's watchdog, and late notifications.
import type { Moment } from "./policy/moment.ts";
import type { FdStore } from "./system/sessions/fd-store.ts";

const TICK_MS = 1000;

export interface HeartbeatParts {
  /** @param uptime in microseconds of the monotonic clock */
  readonly onTick: (uptime: number) => void;
  readonly clock: () => Moment;
  readonly fdStore: Pick<FdStore, "forgetRest" | "retry" | "wake">;
  /** Called if systemd could not be notified. */
  readonly report: (error: unknown) => void;
}

/**
 * Sessions of an earlier guestd must have been taken up.
 * @param watchdogMs systemd's timeout (sd_watchdog_enabled(3)); 0 for none
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
