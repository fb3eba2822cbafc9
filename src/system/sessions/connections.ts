// Checks whether a session's peer is connected, by the leader's connection and terminal, which guests cannot reach.
import { fstatSync, openSync, readdirSync, readlinkSync, statSync } from "node:fs";
import type { Leader, Open, Session } from "../../policy/session.ts";
import { isTerminalPath } from "../../policy/session.ts";
import type { Bindings } from "../bindings.ts";
import { parseMounts } from "../processes/mountinfo.ts";
import { readIfThere, readLinkIfThere } from "../read-file.ts";
import type { Holdings } from "./holdings.ts";

/** Each session is checked once in so many looks. */
const LOOKS = 10;
/** open(2): refers to the path only. Node does not define it. */
const O_PATH = 0o10000000;
/** Major numbers of pseudo-terminals (Documentation/admin-guide/devices.txt). */
const FIRST_PTS = 136;
const LAST_PTS = 143;

export interface ConnectionParts {
  readonly bindings: Pick<Bindings, "lookAtConnection">;
  readonly holdings: Pick<Holdings, "find">;
  /** Repeated at each look. */
  readonly onLost: (id: string) => void;
  readonly proc?: string;
}

export class Connections {
  readonly #parts: ConnectionParts;
  #looks = 0;
  /** The look that last checked each open session. */
  #lastLooks: ReadonlyMap<string, number> = new Map();
  /** Sessions so far, to spread them over the looks. */
  #seen = 0;

  constructor(parts: ConnectionParts) {
    this.#parts = parts;
  }

  look(sessions: readonly Session[]): void {
    const now = this.#looks++;
    const open = sessions.filter((session) => session.phase === "open");
    const last = new Map(open.map(({ id }) => [id, this.#lastLooks.get(id) ?? now - LOOKS + (this.#seen++ % LOOKS)]));
    const due = open.filter(({ id }) => now - (last.get(id) ?? 0) >= LOOKS);
    this.#lastLooks = new Map([...last, ...due.map(({ id }): [string, number] => [id, now])]);
    for (const session of due) if (this.#isLost(session)) this.#parts.onLost(session.id);
  }

  // A pseudo-terminal decides even for remote logins. Other local logins have nothing to lose.
  #isLost({ id, rhost, leader }: Open): boolean {
    const { terminal, hungUp, pidfd } = this.#parts.holdings.find(id) ?? {};
    if (hungUp === true) return true;
    if (terminal !== undefined) return fstatSync(terminal).nlink === 0;
    return rhost !== "" && pidfd !== undefined && this.#areGone(leader.pid, pidfd);
  }

  // A leader may have several connections, such as one to a directory service. An open one may be the user's.
  #areGone(pid: number, pidfd: number): boolean {
    try {
      const found = this.#listSockets(pid).map((fd) => this.#parts.bindings.lookAtConnection(pidfd, fd));
      const connections = found.filter((state) => state !== undefined);
      return connections.length > 0 && connections.every((state) => state === "gone");
    } catch {
      // The leader has ended, or the kernel forbids the look.
      return false;
    }
  }

  // Safe: looks only at sockets. Closing a copy of another file waits for its server, which may be a user's (FUSE).
  #listSockets(pid: number): number[] {
    const directory = `${this.#parts.proc ?? "/proc"}/${pid}/fd`;
    const descriptors = readdirSync(directory);
    return descriptors.filter((fd) => readLinkIfThere(`${directory}/${fd}`)?.startsWith("socket:[")).map(Number);
  }
}

/**
 * Opens the path of a process's pseudo-terminal. After a hang-up the path has no name, even if another terminal gets
 * the number. Some leaders close it, such as login(1) of util-linux; then the recorded path is used. If another
 * terminal has it by now, the hang-up is noticed later.
 * @returns undefined for none; the caller closes it
 */
export function openTerminal({ pid, terminal }: Pick<Leader, "pid" | "terminal">, proc = "/proc"): number | undefined {
  const path = [...listOnDevpts(pid, proc), ...(terminal === undefined ? [] : [terminal])].find(isPseudoTerminal);
  try {
    return path === undefined ? undefined : openSync(path, O_PATH);
  } catch {
    return undefined;
  }
}

// Safe: asks only the kernel, not the server of the file, which may be a user's (FUSE) or gone (NFS). The path proves
// nothing: users can mount anything at /dev/pts in a namespace of their own.
function listOnDevpts(pid: number, proc: string): string[] {
  try {
    const mounts = [pid, "self"].flatMap((of) => parseMounts(readIfThere(`${proc}/${of}/mountinfo`) ?? ""));
    const devpts = new Set(mounts.filter(({ type }) => type === "devpts").map(({ id }) => id));
    const isOnDevpts = (fd: number) => {
      const [, id] = /^mnt_id:\t(\d+)$/m.exec(readIfThere(`${proc}/${pid}/fdinfo/${fd}`) ?? "") ?? [];
      return devpts.has(Number(id));
    };
    return [0, 1, 2].filter(isOnDevpts).map((fd) => `${proc}/${pid}/fd/${fd}`);
  } catch {
    return [];
  }
}

/** Returns the path for the next guestd; undefined if this machine has none. */
export function pathOfTerminal(fd: number): string | undefined {
  try {
    const path = readlinkSync(`/proc/self/fd/${fd}`);
    if (!isTerminalPath(path)) return undefined;
    const [held, named] = [fstatSync(fd), statSync(path)];
    return held.dev === named.dev && held.ino === named.ino ? path : undefined;
  } catch {
    return undefined;
  }
}

export function isClosed(path: string | undefined): boolean {
  try {
    return path !== undefined && statSync(path, { throwIfNoEntry: false }) === undefined;
  } catch {
    return false;
  }
}

function isPseudoTerminal(path: string): boolean {
  try {
    const file = statSync(path);
    const major = (file.rdev >> 8) & 0xfff;
    return file.isCharacterDevice() && major >= FIRST_PTS && major <= LAST_PTS;
  } catch {
    return false;
  }
}
