// Formats and parses records, as if strangers had written them.
import type { EndCause } from "../../policy/receipt.ts";
import type { Cgroup, Login, SavedSession, View } from "../../policy/session.ts";
import { hasProcesses, isSessionPath, isTerminalPath, loginOf } from "../../policy/session.ts";
import type { Step } from "../../policy/steps.ts";

/** Also in packaging/debian/guestd.preinst. */
export const RECORD_VERSION = 4;
/** In version 3, leased sessions have no IPC namespaces. */
const READABLE: readonly unknown[] = [3, RECORD_VERSION];
const ID = /^[a-z0-9]{1,64}$/;
const MOST_CHARACTERS = 1024 * 1024;

/** What a record must hold in each phase, besides the fields of every session. Nothing else is read. */
const READERS: Readonly<Record<SavedSession["phase"], (login: Login, rest: Rest) => SavedSession>> = {
  allocated: (login) => {
    if (!login.leased) throw new Error("waits for a login with an account of others");
    return { ...login, phase: "allocated" };
  },
  open: (login, { view }) => ({ ...login, phase: "open", view: readView(login, view) }),
  ending: (login, { view, cause }) => {
    const known = view === undefined ? undefined : readView(login, view);
    if (!isText(cause)) throw new Error("does not say why it ends");
    return { ...login, phase: "ending", view: known, cause: cause as EndCause };
  },
};

interface Rest {
  readonly view?: unknown;
  readonly cause?: unknown;
}

/** From JSON: nothing else is certain. */
type Unchecked = Login & Rest & { readonly phase: SavedSession["phase"] };

export const isId = (id: string): boolean => ID.test(id);

/**
 * Ids become file names.
 * @throws Error if it is not an id
 */
export function checkId(id: string): string {
  if (!isId(id)) throw new Error(`"${id}" is not a session's id`);
  return id;
}

/** @param boot for the ledger */
export function formatRecord(session: SavedSession, boot?: string): string {
  return JSON.stringify({ version: RECORD_VERSION, boot, session });
}

/**
 * Accepts what is needed to end the session.
 * @throws Error that ends the sentence "it ..."
 */
export function parseRecord(
  text: string,
  id: string,
): { readonly session: SavedSession; readonly boot: string | undefined } {
  if (text.length > MOST_CHARACTERS) throw new Error("is too large");
  const record = JSON.parse(text) as { version?: unknown; boot?: unknown; session?: Unchecked };
  if (!READABLE.includes(record.version))
    throw new Error(`has version ${String(record.version)}, expected ${RECORD_VERSION}`);
  const { session } = record;
  if (session === undefined || session.id !== id || !isId(session.id)) throw new Error("names another session");
  checkLogin(session);
  if (!Object.hasOwn(READERS, session.phase)) throw new Error("has an unknown phase");
  return {
    session: READERS[session.phase](loginOf(session), session),
    boot: typeof record.boot === "string" ? record.boot : undefined,
  };
}

function checkLogin(session: Login): void {
  const { leader, account, leased, published, openedAt, openedUptime, limits, cgroups, plan, acceptance } = session;
  if (![leader.pid, leader.startTime, account.uid, openedAt, openedUptime].every(isPositive))
    throw new Error("lacks a number");
  if (leader.terminal !== undefined && !isTerminalPath(leader.terminal)) throw new Error("names no terminal");
  if (![account.user, session.service].every(isText)) throw new Error("lacks a name");
  if (typeof leased !== "boolean" || typeof published !== "boolean") throw new Error("has no type of account");
  if (typeof limits !== "object") throw new Error("lacks its limits");
  if (!Array.isArray(cgroups) || !cgroups.every((cgroup) => isCgroup(cgroup, session)))
    throw new Error("lacks its cgroups");
  if (!Array.isArray(plan) || !plan.every((step: Partial<Step>) => isText(step.kind) && isText(step.target)))
    throw new Error("lacks its plan");
  if (acceptance !== undefined && !isAcceptance(acceptance)) throw new Error("does not say which terms were accepted");
}

function isCgroup(cgroup: unknown, session: Login): boolean {
  const { path, inode } = cgroup as Partial<Cgroup>;
  return typeof path === "string" && isSessionPath(path, session) && /^\d+$/.test(String(inode));
}

const isAcceptance = ({ digest, at }: NonNullable<Login["acceptance"]>) =>
  isPositive(at) && /^[0-9a-f]{64}$/.test(digest);

const isPositive = (value: unknown) => Number.isSafeInteger(value) && Number(value) > 0;

const isText = (value: unknown) => typeof value === "string";
const isTexts = (value: unknown) => Array.isArray(value) && value.every(isText);

function readView({ leased }: Login, found: unknown): View | "lost" {
  if (found === "lost") return found;
  const view = (found ?? {}) as View;
  const { inode, devices, skipped, isolation } = view;
  if (!isPositive(inode) || !isTexts(devices) || !isTexts(skipped)) throw new Error("lacks its view");
  if (leased === hasProcesses(isolation))
    throw new Error(leased ? "has the view of a shared session" : "has the view of a leased session");
  if (isolation === undefined) return view;
  const inodes = [isolation.ipc.inode];
  if (hasProcesses(isolation)) {
    const { reaper, processes } = isolation;
    inodes.push(reaper.pid, reaper.startTime, processes.inode);
  }
  if (!inodes.every(isPositive)) throw new Error("lacks its namespaces");
  return view;
}
