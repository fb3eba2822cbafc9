// Exits when there is no session and no call. First it releases its bus name, and answers earlier calls. Later ones
// start a new guestd.
import { setTimeout as delay } from "node:timers/promises";

/** Exit statuses: nothing to do, or restart at once (guestd.service). */
export const EXIT_IDLE = 0;
export const EXIT_AGAIN = 75;

const PAUSE_MS = 10;
const LAST_PAUSE_MS = 2000;

export interface IdleParts {
  /** There is a session, an unanswered call, a running effect, or a state that a restart would lose. */
  readonly isBusy: () => boolean;
  /** There is work that an exit would cut short. Sessions continue. */
  readonly isWorking: () => boolean;
  /** Idle time in microseconds; 0 for never. */
  readonly limit: () => number;
  /** Resolves when calls from before the release have arrived. */
  readonly giveUpName: () => Promise<void>;
  readonly onIdle: (status: number) => void;
}

export class IdleWatch {
  readonly #parts: IdleParts;
  #since: number | undefined;
  #isLeaving = false;

  constructor(parts: IdleParts) {
    this.#parts = parts;
  }

  /** SIGTERM is then ignored: systemd sends it when the name is released. */
  get isLeaving(): boolean {
    return this.#isLeaving;
  }

  /** @param uptime in microseconds of the monotonic clock */
  check(uptime: number): void {
    const { isBusy, limit } = this.#parts;
    if (this.#isLeaving) return;
    if (isBusy()) this.#since = undefined;
    else this.#since ??= uptime;
    if (this.#since !== undefined && limit() > 0 && uptime - this.#since >= limit()) void this.#leave();
  }

  async #leave(): Promise<void> {
    const { isBusy, isWorking, giveUpName, onIdle } = this.#parts;
    this.#isLeaving = true;
    await giveUpName();
    // Calls from before the release are served. The next guestd takes up what they started.
    const isNeeded = isBusy();
    while (isWorking()) await delay(PAUSE_MS);
    // The last login still opens its namespaces, which this process holds.
    if (isNeeded) await delay(LAST_PAUSE_MS);
    while (isWorking()) await delay(PAUSE_MS);
    onIdle(isNeeded ? EXIT_AGAIN : EXIT_IDLE);
  }
}
