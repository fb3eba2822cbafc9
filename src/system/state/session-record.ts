// The text of a session's record, and what of such a text is believed: it is checked as if a stranger had written it.
import type { Cgroup, Session } from "../../policy/session.ts";
import { isSessionPath } from "../../policy/session.ts";
import type { Step } from "../../policy/steps.ts";
import { NOTHING_FOUND } from "../../policy/receipt.ts";

/** Of the text of a record. packaging/debian/guestd.preinst has it as well. */
export const RECORD_VERSION = 2;
const ID = /^[a-z0-9]{1,64}$/;
const PHASES: readonly string[] = ["allocated", "open", "ending"] satisfies Session["phase"][];
const MOST_CHARACTERS = 1024 * 1024;

export const isId = (id: string): boolean => ID.test(id);

/** @throws Error when it is none: ids become names of files */
export function checkId(id: string): string {
  if (!isId(id)) throw new Error(`"${id}" is not a session's id`);
  return id;
}

/** The record of a session. @param boot of the machine, where that matters */
export function formatRecord(session: Session, boot?: string): string {
  return JSON.stringify({ version: RECORD_VERSION, boot, session });
}

/**
 * Reads a record. Only what ending the session needs is believed; calls of the old guestd wait for no answer any more,
 * and its descriptors are gone with it.
 * @throws Error that ends the sentence "it ..."
 */
export function parseRecord(
  text: string,
  id: string,
): { readonly session: Session; readonly boot: string | undefined } {
  if (text.length > MOST_CHARACTERS) throw new Error("is too large");
  const record = JSON.parse(text) as { version?: unknown; boot?: unknown; session?: Session };
  if (record.version !== RECORD_VERSION)
    throw new Error(`has version ${String(record.version)}, expected ${RECORD_VERSION}`);
  const session = record.session;
  if (session === undefined || session.id !== id || !ID.test(session.id)) throw new Error("names another session");
  const { leader, account, leased, openedAt, openedUptime, limits, phase } = session;
  if (![leader.pid, leader.startTime, account.uid, openedAt, openedUptime].every(isPositive))
    throw new Error("lacks a number");
  if (![account.user, session.service].every(isText)) throw new Error("lacks a name");
  if (typeof leased !== "boolean" || typeof limits !== "object") throw new Error("lacks what sort of account it has");
  if (!PHASES.includes(phase)) throw new Error("stands nowhere");
  if (!Array.isArray(session.cgroups) || !session.cgroups.every((cgroup) => isCgroup(cgroup, session)))
    throw new Error("lacks its cgroups");
  const mustHaveView = phase === "open" && session.isViewLost !== true;
  if (mustHaveView || session.view !== undefined) checkView(session);
  if (session.receipt !== undefined && !isTexts(session.receipt.left)) throw new Error("has half a receipt");
  const { openCall: _gone, ...rest } = session;
  return {
    session: { ...rest, endCalls: [], found: NOTHING_FOUND },
    boot: typeof record.boot === "string" ? record.boot : undefined,
  };
}

function isCgroup(cgroup: unknown, session: Session): boolean {
  const { path, inode } = cgroup as Partial<Cgroup>;
  return typeof path === "string" && isSessionPath(path, session) && /^\d+$/.test(String(inode));
}

const isPositive = (value: unknown) => Number.isSafeInteger(value) && Number(value) > 0;

const isText = (value: unknown) => typeof value === "string";
const isTexts = (value: unknown) => Array.isArray(value) && value.every(isText);

function checkView({ view, plan, leased }: Session): void {
  if (!isPositive(view?.inode) || !Array.isArray(view?.devices) || !isTexts(view.skipped))
    throw new Error("lacks its view");
  if (!Array.isArray(plan) || !plan.every((step: Partial<Step>) => isText(step.kind) && isText(step.target)))
    throw new Error("lacks its plan");
  const { isolation } = view;
  if (leased ? isolation !== undefined : isolation === undefined)
    throw new Error("has a view of the other sort of account");
  if (isolation === undefined) return;
  const { reaper, processes, ipc } = isolation;
  if (![reaper.pid, reaper.startTime, processes.inode, ipc.inode].every(isPositive))
    throw new Error("lacks its namespaces");
}
