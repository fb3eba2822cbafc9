// The order of the effects of leasing an account, of opening and of ending a session, and each effect made from the
// session. A new effect of these belongs into these lists, and nowhere else.
import type { Effect, EffectKind, Moment } from "./events.ts";
import type { SweepKind } from "./receipt.ts";
import { ACCOUNT_KINDS, listLeft, receiptOf, SHARED_KINDS } from "./receipt.ts";
import { answerAllocate, answerOpen, subjectOf } from "./records.ts";
import type { Session } from "./session.ts";

/** What leasing an account does, in order: the record stands before the account, so that it is never forgotten. */
export const ALLOCATING = ["watch-leader", "write-record", "enter-ledger", "publish-account", "answer"] as const;

/**
 * What opening does, in order. The leader is in a cgroup of the session before it can start anything of the guest's;
 * the record stands before the answer: a guest who is in is never forgotten, not even over a power cut.
 */
export const OPENING = [
  "watch-leader",
  "enclose-leader",
  "build-view",
  "write-record",
  "enter-ledger",
  "answer",
  "announce-opened",
] as const;

/** What ending does, in order. The receipt stands before it is announced; the record goes last of all. */
export const ENDING = [
  "note-ending",
  "kill-processes",
  "drop-view",
  "write-receipt",
  "announce-closed",
  "remove-record",
] as const;

/** The same for a leased account. It has a name until its receipt is written. */
export const ENDING_LEASED = [
  "note-ending",
  "stop-manager",
  "kill-processes",
  "close-login",
  "drop-view",
  "sweep-account",
  "write-receipt",
  "announce-closed",
  "release-account",
  "remove-record",
] as const;

/** The same for one that was never made: its uid may be somebody's, of whom nothing must be stopped, killed or taken away. */
export const ENDING_UNMADE = [
  "note-ending",
  "drop-view",
  "write-receipt",
  "announce-closed",
  "release-account",
  "remove-record",
] as const;

/** For a session that was open when the machine went down: no process lives, no memory holds anything; what it left on disk. */
export const ENDING_LOST = ["drop-view", "sweep-account", "write-receipt", "announce-closed", "remove-record"] as const;

export type AllocatingStage = (typeof ALLOCATING)[number];
export type OpeningStage = (typeof OPENING)[number];
export type EndingStage = (typeof ENDING_LEASED)[number];

/** What opening this session does, in order. That of a leased account is in the ledger since it has that account. */
export const openingStages = ({ leased }: Session): readonly OpeningStage[] =>
  leased ? OPENING.filter((stage) => stage !== "enter-ledger") : OPENING;

/** What ending this session does, in order. */
export function endingStages(session: Session): readonly EndingStage[] {
  const isNeeded: Partial<Record<EndingStage, boolean>> = {
    "note-ending": session.recorded === true,
    "sweep-account": session.leased,
  };
  return allStages(session).filter((stage) => isNeeded[stage] ?? true);
}

function allStages({ leased, published, cause }: Session): readonly EndingStage[] {
  if (cause === "lost-power") return ENDING_LOST;
  if (!leased) return ENDING;
  return published === true ? ENDING_LEASED : ENDING_UNMADE;
}

/** The classes that the end of this session must have looked at. */
function kindsOf(session: Session): readonly SweepKind[] {
  const stages = endingStages(session);
  const ofAccount = stages.includes("sweep-account") ? ACCOUNT_KINDS : [];
  return [
    ...SHARED_KINDS.filter((kind) => stages.includes(kind === "processes" ? "kill-processes" : "drop-view")),
    ...ofAccount,
  ];
}

/** The stage after this one; "done" after the last; undefined when the effect is none of these stages. */
export function stageAfter<S extends EffectKind>(stages: readonly S[], effect: EffectKind): S | "done" | undefined {
  const index = stages.findIndex((stage) => stage === effect);
  return index < 0 ? undefined : (stages[index + 1] ?? "done");
}

/**
 * The effect of a stage of leasing an account.
 * @param busName unique name of the leader on the bus; "" where there is none any more
 */
export function allocatingEffect(stage: AllocatingStage, session: Session, busName = ""): Effect {
  const subject = subjectOf(session);
  switch (stage) {
    case "watch-leader":
      return watchLeader(session, busName);
    case "write-record":
    case "enter-ledger":
      return { kind: stage, subject, session: { ...session, phase: "allocated" } };
    case "publish-account":
      return { kind: stage, subject, account: session.account };
    case "answer":
      return { kind: stage, subject, call: session.openCall ?? 0, answer: answerAllocate(session) };
    default:
      return stage satisfies never;
  }
}

/** The effect of watching a leader, also one of an earlier guestd's session. */
export function watchLeader(session: Session, busName = ""): Effect {
  return { kind: "watch-leader", subject: subjectOf(session), ...session.leader, busName, view: session.view };
}

/** The effect of a stage of opening. */
export function openingEffect(stage: OpeningStage, session: Session, busName = ""): Effect {
  const subject = subjectOf(session);
  switch (stage) {
    case "watch-leader":
      return watchLeader(session, busName);
    case "enclose-leader":
      return { kind: stage, subject, pid: session.leader.pid, leased: session.leased, limits: session.limits };
    case "build-view":
      return { kind: stage, subject, plan: session.plan, isolated: !session.leased, cgroup: session.cgroups[0] };
    case "write-record":
      return writeRecord(session);
    case "enter-ledger":
      return { kind: stage, subject, session: openOf(session) };
    case "answer":
      return { kind: stage, subject, call: session.openCall ?? 0, answer: answerOpen(session) };
    case "announce-opened":
      return { kind: stage, subject, session: openOf(session) };
    default:
      return stage satisfies never;
  }
}

/** The effect of writing down a session that is open, or as good as open. */
export const writeRecord = (session: Session): Effect => ({
  kind: "write-record",
  subject: subjectOf(session),
  session: openOf(session),
});

const openOf = (session: Session): Session => ({ ...session, phase: "open" });

/** The effect of a stage of ending. */
export function endingEffect(stage: EndingStage, session: Session, moment: Moment): Effect {
  const subject = subjectOf(session);
  switch (stage) {
    case "note-ending":
      return { kind: stage, subject, session };
    case "kill-processes":
      return {
        kind: stage,
        subject,
        leader: session.leader,
        openedUptime: session.openedUptime,
        leased: session.leased,
        view: session.view,
        // Nobody was let in: the leader lives, to tell its guest why. That of a leased account has had its time.
        cgroups: session.cause === "open-failed" && !session.leased ? [] : session.cgroups,
      };
    case "stop-manager":
    case "close-login":
    case "sweep-account":
    case "release-account":
      return { kind: stage, subject };
    case "drop-view":
      return {
        kind: stage,
        subject,
        leased: session.leased,
        tmpfs: tmpfsOf(session),
        devices: session.view?.devices ?? [],
        isLost: session.isViewLost === true,
      };
    case "write-receipt":
      return { kind: stage, subject, receipt: receiptOf(session, kindsOf(session), moment) };
    case "announce-closed":
      return {
        kind: stage,
        subject,
        receipt: knownReceipt(session, moment),
        repeated: session.isReceiptRecovered === true,
      };
    case "remove-record":
      return { kind: stage, subject, lease: session.leased ? { quarantine: quarantineOf(session) } : undefined };
    default:
      return stage satisfies never;
  }
}

// Without one on disk it is announced all the same.
const knownReceipt = (session: Session, moment: Moment) =>
  session.receipt ?? receiptOf(session, kindsOf(session), moment);

/** Why the uid of a session is not handed out again: all that is left, and each step that failed since; undefined when nothing is. */
export function quarantineOf({ receipt, found }: Session): string | undefined {
  const left = [...new Set([...(receipt?.left ?? []), ...listLeft(found, [])])];
  return left.length > 0 ? left.join("; ") : undefined;
}

// In the order of the plan, as the devices are.
function tmpfsOf({ plan, view }: Session): string[] {
  return plan.flatMap((step) =>
    step.kind === "tmpfs" && view?.skipped.includes(step.target) === false ? [step.target] : [],
  );
}
