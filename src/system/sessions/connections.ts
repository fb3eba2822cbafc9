// Whether anybody is still at the other end of a session. Looks at what the guest cannot reach: the connection that the
// leader holds, and the terminal that it was called at; not at the processes between, which the guest can stop.
import { fstatSync, openSync, readdirSync, readlinkSync, statSync } from "node:fs";
import type { Leader, Open, Session } from "../../policy/session.ts";
import { isTerminalPath } from "../../policy/session.ts";
import type { Bindings } from "../bindings.ts";
import { parseMounts } from "../processes/mountinfo.ts";
import { readIfThere, readLinkIfThere } from "../read-file.ts";
import type { Holdings } from "./holdings.ts";

/** Each session is looked at once in so many looks: by when it was last, for its place in a list moves. */
const LOOKS = 10;
/** open(2): the path alone. Node does not name it. */
const O_PATH = 0o10000000;
/** Major numbers of pseudo-terminals (Documentation/admin-guide/devices.txt). */
const FIRST_PTS = 136;
const LAST_PTS = 143;

export interface ConnectionParts {
  readonly bindings: Pick<Bindings, "lookAtConnection">;
  readonly holdings: Pick<Holdings, "find">;
  /** Nobody is there any more. Told again at each look. */
  readonly onLost: (id: string) => void;
  /** /proc, but for tests. */
  readonly proc?: string;
}

export class Connections {
  readonly #parts: ConnectionParts;
  /** Looks so far. */
  #looks = 0;
  /** Of each open session, the look at which it was last looked at. */
  #lastLooks: ReadonlyMap<string, number> = new Map();
  /** Sessions so far: they take different looks. */
  #seen = 0;

  constructor(parts: ConnectionParts) {
    this.#parts = parts;
  }

  /** Looks at those of the open sessions that were not looked at for long enough, whichever others come and go. */
  look(sessions: readonly Session[]): void {
    const now = this.#looks++;
    const open = sessions.filter((session) => session.phase === "open");
    const last = new Map(open.map(({ id }) => [id, this.#lastLooks.get(id) ?? now - LOOKS + (this.#seen++ % LOOKS)]));
    const due = open.filter(({ id }) => now - (last.get(id) ?? 0) >= LOOKS);
    this.#lastLooks = new Map([...last, ...due.map(({ id }): [string, number] => [id, now])]);
    for (const session of due) if (this.#isLost(session)) this.#parts.onLost(session.id);
  }

  // A login at a terminal has that, whatever it was reached by; another one of this machine has nothing that could go.
  #isLost({ id, rhost, leader }: Open): boolean {
    const { terminal, hungUp, pidfd } = this.#parts.holdings.find(id) ?? {};
    if (hungUp === true) return true;
    if (terminal !== undefined) return fstatSync(terminal).nlink === 0;
    return rhost !== "" && pidfd !== undefined && this.#areGone(leader.pid, pidfd);
  }

  // The leader may have more than one, such as one to a directory of accounts: as long as one stands, somebody may be there.
  #areGone(pid: number, pidfd: number): boolean {
    try {
      const found = this.#listSockets(pid).map((fd) => this.#parts.bindings.lookAtConnection(pidfd, fd));
      const connections = found.filter((state) => state !== undefined);
      return connections.length > 0 && connections.every((state) => state === "gone");
    } catch {
      // It has ended, or the kernel lets nobody look: that the connection has gone is not known.
      return false;
    }
  }

  // Safe: closing a copy of a file waits for its server, which may be a user's (FUSE).
  #listSockets(pid: number): number[] {
    const directory = `${this.#parts.proc ?? "/proc"}/${pid}/fd`;
    const descriptors = readdirSync(directory);
    return descriptors.filter((fd) => readLinkIfThere(`${directory}/${fd}`)?.startsWith("socket:[")).map(Number);
  }
}

/**
 * The pseudo-terminal that a process was called at, as a path: it has no name any more as soon as its other end is closed,
 * even where its number is another's by then. Some have closed it since, as login(1) of util-linux: then it is at the path that
 * is known, or closed for good. Another's by then hangs up later, no sooner.
 * @returns undefined where there is none; the caller closes it
 */
export function openTerminal({ pid, terminal }: Pick<Leader, "pid" | "terminal">, proc = "/proc"): number | undefined {
  const path = [...listOnDevpts(pid, proc), ...(terminal === undefined ? [] : [terminal])].find(isPseudoTerminal);
  try {
    return path === undefined ? undefined : openSync(path, O_PATH);
  } catch {
    return undefined;
  }
}

// Safe: a descriptor's mount is known without asking the file's server, which may be a user's (FUSE) or gone (NFS). Its path proves
// nothing: a user mounts what he likes at /dev/pts in a namespace of his own.
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

/** The path of a terminal, for the next guestd; undefined where it has none among this machine's own. */
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

/** Whether it is known that a terminal is there no more. */
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
