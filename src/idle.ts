// Exits when there is no session and no call. The bus starts guestd again for the next call. guestd first releases its
// bus name: it still answers calls sent before that, and later calls start a new guestd.
import { setTimeout as delay } from "node:timers/promises";

/** Exit statuses for systemd: nothing left to do, or restart at once (guestd.service). */
export const EXIT_IDLE = 0;
export const EXIT_AGAIN = 75;

const PAUSE_MS = 10;
const LAST_PAUSE_MS = 2000;

export interface IdleParts {
  /** There is a session, an unanswered call, a running effect, or something that a restarted guestd would lack. */
  readonly isBusy: () => boolean;
  /** Only work that an exit would cut short. Sessions continue without guestd. */
  readonly isWorking: () => boolean;
  /** Idle time in microseconds after which guestd exits; 0 for never. */
  readonly limit: () => number;
  /** Releases the bus name. Resolves when all calls sent before that have arrived. */
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

  /** The name is released. systemd then sends SIGTERM, which means nothing new. */
  get isLeaving(): boolean {
    return this.#isLeaving;
  }

  /** Exits if it is time to. @param uptime microseconds of the monotonic clock */
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
    // Calls that arrived before the release are served. The next guestd takes up what they started.
    const isNeeded = isBusy();
    while (isWorking()) await delay(PAUSE_MS);
    // The login that was answered last still has to open its namespaces, which this process holds.
    if (isNeeded) await delay(LAST_PAUSE_MS);
    while (isWorking()) await delay(PAUSE_MS);
    onIdle(isNeeded ? EXIT_AGAIN : EXIT_IDLE);
  }
}
