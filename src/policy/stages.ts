// The order of the effects of opening and of ending a session, and each effect made from the session.
// A new effect of either belongs into these two lists, and nowhere else.
import type { Effect, EffectKind } from "./events.ts";
import { answerOpen, receiptOf, subjectOf } from "./records.ts";
import type { Session } from "./session.ts";

/**
 * What opening does, in order. The leader is in a cgroup of the session before it can start anything of the guest's;
 * the record stands before the answer: a guest who is in is never forgotten.
 */
export const OPENING = ["watch-leader", "enclose-leader", "build-view", "write-record", "answer", "announce-opened"] as const;

/** What ending does, in order. The record goes last of all that a restart would need. */
export const ENDING = ["kill-processes", "drop-view", "remove-record", "announce-closed"] as const;

export type OpeningStage = (typeof OPENING)[number];
export type EndingStage = (typeof ENDING)[number];

/** The stage after this one; "done" after the last; undefined when the effect is none of these stages. */
export function stageAfter<S extends EffectKind>(stages: readonly S[], effect: EffectKind): S | "done" | undefined {
  const index = stages.findIndex((stage) => stage === effect);
  return index < 0 ? undefined : (stages[index + 1] ?? "done");
}

/**
 * The effect of a stage of opening.
 * @param busName unique name of the leader on the bus; "" where there is none any more
 */
export function openingEffect(stage: OpeningStage, session: Session, busName = ""): Effect {
  const subject = subjectOf(session);
  switch (stage) {
    case "watch-leader":
      return { kind: stage, subject, ...session.leader, busName, view: session.view };
    case "enclose-leader":
      return { kind: stage, subject, pid: session.leader.pid };
    case "build-view":
      return { kind: stage, subject, plan: session.plan };
    case "write-record":
      return { kind: stage, subject, session: openOf(session) };
    case "answer":
      return { kind: stage, subject, call: session.openCall ?? 0, answer: answerOpen(session) };
    case "announce-opened":
      return { kind: stage, subject, session: openOf(session) };
    default:
      return stage satisfies never;
  }
}

// What others are told of a session that is as good as open.
const openOf = (session: Session): Session => ({ ...session, phase: "open" });

/** The effect of a stage of ending. */
export function endingEffect(stage: EndingStage, session: Session, now: number): Effect {
  const subject = subjectOf(session);
  switch (stage) {
    case "kill-processes":
      return {
        kind: stage,
        subject,
        leader: session.leader,
        openedUptime: session.openedUptime,
        view: session.view,
        // Nobody was let in: the leader lives, to tell its guest why.
        cgroups: session.cause === "open-failed" ? [] : session.cgroups,
      };
    case "drop-view":
    case "remove-record":
      return { kind: stage, subject };
    case "announce-closed":
      return { kind: stage, subject, receipt: receiptOf(session, now) };
    default:
      return stage satisfies never;
  }
}
