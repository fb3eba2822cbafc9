// Converts requests and answers from and to a{sv}. org.guestd1.xml names the fields.
import type { Variant } from "dbus-next";
import { GuestError } from "../policy/errors.ts";
import type { Allocation, OpenReply } from "../policy/answer.ts";
import type { Terms, TermsReply } from "../policy/notice.ts";
import type { Account } from "../policy/account.ts";
import type { Explanation } from "../policy/explain.ts";
import type { LoginCheck } from "../policy/login-check.ts";
import type { LoginSwitch } from "../policy/switch.ts";
import { findReasonFault } from "../policy/switch.ts";
import type { LeaseState } from "../policy/lease-list.ts";
import type { Receipt } from "../policy/receipt.ts";
import { isClean } from "../policy/receipt.ts";
import type { IpcIsolation, Isolation, Session } from "../policy/session.ts";
import { hasProcesses, standingView } from "../policy/session.ts";
import type { VariantDict } from "./values.ts";
import { field, unwrap } from "./values.ts";

export interface OpenRequest extends TermsReply {
  readonly account: Account;
  readonly service: string;
  readonly tty: string;
  readonly rhost: string;
  /** PAM's X display, if the X server runs. Empty from an older module. */
  readonly display: string;
  /** XDG_SEAT, set by display managers. Empty from an older module. */
  readonly seat: string;
}

export interface AllocateRequest extends TermsReply {
  readonly user: string;
  readonly service: string;
  readonly tty: string;
  readonly rhost: string;
}

/** @throws GuestError InvalidArgument for a field that is missing or has the wrong type */
export function readAllocateRequest(value: unknown): AllocateRequest {
  const fields = unwrap(value);
  const text = textReader(fields);
  const asked = { user: text("user"), service: text("service"), tty: text("tty"), rhost: text("rhost") };
  return { ...asked, ...readTermsReply(fields) };
}

/** Older modules do not send the field. */
const addedReader = (fields: Readonly<Record<string, unknown>>) => (name: string) =>
  fields[name] === undefined ? "" : textReader(fields)(name);

function readTermsReply(fields: Readonly<Record<string, unknown>>): TermsReply {
  const added = addedReader(fields);
  return { terms: added("terms"), answer: added("answer") };
}

const textReader = (fields: Readonly<Record<string, unknown>>) => (name: string) => {
  const found = fields[name];
  if (typeof found !== "string" || found.length > 4096)
    throw new GuestError("InvalidArgument", `The request lacks "${name}".`);
  return found;
};

/** @throws GuestError InvalidArgument for a field that is missing or has the wrong type */
export function readOpenRequest(value: unknown): OpenRequest {
  const fields = unwrap(value);
  const text = textReader(fields);
  const id = (name: string) => {
    const found = fields[name];
    if (typeof found !== "number" || !Number.isInteger(found))
      throw new GuestError("InvalidArgument", `The request lacks "${name}".`);
    return found;
  };
  const account = { user: text("user"), uid: id("uid"), gid: id("gid"), home: text("home"), shell: text("shell") };
  const added = addedReader(fields);
  const where = { tty: text("tty"), rhost: text("rhost"), display: added("display"), seat: added("seat") };
  return { account, service: text("service"), ...where, ...readTermsReply(fields) };
}

/** @throws GuestError InvalidArgument for a reason that cannot be displayed, or one given while enabling */
export function readSwitch(enabled: unknown, reason: unknown): LoginSwitch {
  const loginSwitch = { enabled: enabled === true, reason: String(reason).trim() };
  const fault = findReasonFault(loginSwitch.reason);
  if (fault !== undefined) throw new GuestError("InvalidArgument", `The reason ${fault}.`);
  if (loginSwitch.enabled && loginSwitch.reason !== "")
    throw new GuestError("InvalidArgument", "Guests are told a reason only where they are refused.");
  return loginSwitch;
}

export function wireOpenReply({ id, namespace, inode, environment, isolation, notice }: OpenReply): VariantDict {
  return {
    ...(isolation === undefined ? {} : wireIsolation(isolation)),
    ...(notice === "" ? {} : { notice: field("s", notice) }),
    id: field("s", id),
    namespace: field("s", namespace),
    inode: field("t", BigInt(inode)),
    environment: field("a{ss}", environment),
  };
}

function wireIsolation(isolation: IpcIsolation | Isolation): VariantDict {
  const { ipc } = isolation;
  const own = { ipc_namespace: field("s", ipc.path), ipc_inode: field("t", BigInt(ipc.inode)) };
  if (!hasProcesses(isolation)) return own;
  const { processes } = isolation;
  return { ...own, pid_namespace: field("s", processes.path), pid_inode: field("t", BigInt(processes.inode)) };
}

export function wireAllocation(allocation: Allocation): VariantDict {
  const { verdict } = allocation;
  return { verdict: field("s", verdict), ...(verdict === "leased" ? { user: field("s", allocation.user) } : {}) };
}

export const wireTerms = ({ text, digest }: Terms): VariantDict => ({
  terms: field("s", text),
  digest: field("s", digest),
});

/** Times are microseconds since the epoch, as in login1. */
export function wireSession(session: Session): VariantDict {
  return {
    id: field("s", session.id),
    user: field("s", session.account.user),
    uid: field("u", session.account.uid),
    leased: field("b", session.leased),
    service: field("s", session.service),
    tty: field("s", session.tty),
    rhost: field("s", session.rhost),
    leader: field("u", session.leader.pid),
    opened: microseconds(session.openedAt),
    state: field("s", session.phase),
  };
}

export function wireSessionDetails(session: Session): VariantDict {
  return {
    ...wireSession(session),
    home: field("s", session.account.home),
    inode: field("t", BigInt(standingView(session)?.inode ?? 0)),
    cgroups: field(
      "as",
      session.cgroups.map(({ path }) => path),
    ),
    outer: field("s", session.outer ?? ""),
    skipped: field("as", [...(standingView(session)?.skipped ?? [])]),
    plan: field("s", JSON.stringify(session.plan)),
  };
}

export function wireReceipt(receipt: Receipt): VariantDict {
  return {
    id: field("s", receipt.id),
    user: field("s", receipt.user),
    uid: field("u", receipt.uid),
    leased: field("b", receipt.leased),
    service: field("s", receipt.service),
    leader: field("u", receipt.leader),
    cause: field("s", receipt.cause),
    terms: field("s", receipt.terms),
    accepted: microseconds(receipt.acceptedAt),
    opened: microseconds(receipt.openedAt),
    closed: microseconds(receipt.closedAt),
    seconds: field("t", BigInt(receipt.seconds)),
    ending: field("t", BigInt(receipt.endMilliseconds) * 1000n),
    killed: field("u", receipt.processesKilled),
    freed: field("t", BigInt(receipt.tmpfsBytes)),
    swept: field(
      "a(suuas)",
      receipt.swept.map(({ kind, found, removed, left }) => [kind, found, removed, [...left]]),
    ),
    clean: field("b", isClean(receipt)),
    left: field("as", [...receipt.left]),
    unseen: field("as", [...receipt.unseen]),
    found_later: field("as", [...receipt.foundLater]),
    cleared: microseconds(receipt.clearedAt),
  };
}

export function wireLease({ uid, last, state, user, session, reason }: LeaseState): VariantDict {
  return {
    uid: field("u", uid),
    last: field("u", last),
    state: field("s", state),
    user: field("s", user),
    session: field("s", session),
    reason: field("s", reason),
  };
}

export function wireExplanation({ verdict, reason, leased, plan, warnings }: Explanation): VariantDict {
  return {
    verdict: field("s", verdict),
    reason: field("s", reason),
    leased: field("b", leased),
    plan: field("s", JSON.stringify(plan)),
    warnings: field("as", [...warnings]),
  };
}

export function wireLoginCheck({ fault, warnings, checkedAt }: LoginCheck): VariantDict {
  return { fault: field("s", fault), warnings: field("as", [...warnings]), checked: microseconds(checkedAt) };
}

const microseconds = (milliseconds: number): Variant => field("t", BigInt(milliseconds) * 1000n);
