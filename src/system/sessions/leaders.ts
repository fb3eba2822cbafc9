// Watches leaders through pidfds.
import { closeSync } from "node:fs";
import type { FoundOf } from "../../policy/effects.ts";
import { GuestError } from "../../policy/errors.ts";
import type { Leader } from "../../policy/session.ts";
import type { Bindings } from "../bindings.ts";
import { openProcess, readStartTime } from "../processes/identity.ts";
import { isClosed, openTerminal, pathOfTerminal } from "./connections.ts";
import type { Holdings } from "./holdings.ts";

export interface LeaderParts {
  readonly bindings: Pick<Bindings, "openPidfd" | "watchPidfd" | "hasEnded">;
  readonly holdings: Holdings;
  /** Has a time limit. */
  readonly nameExists: (busName: string) => Promise<boolean>;
  readonly onExit: (id: string) => void;
}

export class Leaders {
  readonly #parts: LeaderParts;

  constructor(parts: LeaderParts) {
    this.#parts = parts;
  }

  /**
   * Watches a new leader. Checks its bus name after opening the pidfd: while the name exists, the PID is the caller's.
   * @throws GuestError LeaderGone if it has ended
   */
  async watch(id: string, pid: number, busName: string): Promise<FoundOf<"watch-leader">> {
    const gone = new GuestError("LeaderGone", `The process ${pid} has ended.`);
    const pidfd = this.#openPidfd(pid, gone);
    try {
      const startTime = readStartTime(pid);
      if (startTime === undefined || !(await this.#parts.nameExists(busName))) throw gone;
      const terminal = openTerminal({ pid });
      this.#hold(id, pidfd, terminal);
      const path = terminal === undefined ? undefined : pathOfTerminal(terminal);
      return { startTime, ...(path === undefined ? {} : { terminal: path }) };
    } catch (error) {
      closeSync(pidfd);
      throw error;
    }
  }

  /**
   * Takes up an earlier guestd's leader.
   * @returns whether it is still there
   */
  takeUp(id: string, leader: Leader): boolean {
    const { bindings, holdings } = this.#parts;
    const stored = holdings.storedOf(id);
    const pidfd = stored("pidfd") ?? openProcess(bindings, leader);
    if (pidfd !== undefined) {
      const terminal = stored("terminal") ?? openTerminal(leader);
      this.#hold(id, pidfd, terminal);
      if (terminal === undefined && isClosed(leader.terminal)) holdings.of(id).hungUp = true;
    }
    return this.isAlive(id);
  }

  isAlive(id: string): boolean {
    const pidfd = this.#parts.holdings.find(id)?.pidfd;
    return pidfd !== undefined && !this.#parts.bindings.hasEnded(pidfd);
  }

  #hold(id: string, pidfd: number, terminal: number | undefined): void {
    const held = this.#parts.holdings.of(id);
    if (terminal !== undefined) held.terminal = terminal;
    held.watch = this.#parts.bindings.watchPidfd(pidfd, () => {
      this.#parts.onExit(id);
    });
    held.pidfd = pidfd;
  }

  #openPidfd(pid: number, gone: GuestError): number {
    try {
      return this.#parts.bindings.openPidfd(pid);
    } catch (error) {
      throw (error as NodeJS.ErrnoException).code === "ESRCH" ? gone : error;
    }
  }
}
