// What is said of a session to others: who it is in the journal, the answer to its login, its receipt.
import type { Answer, Subject } from "./events.ts";
import type { Receipt, Session } from "./session.ts";

/** Whom an effect on this session is for. */
export function subjectOf(session: Session): Subject {
  return {
    id: session.id,
    user: session.account.user,
    uid: session.account.uid,
    leader: session.leader.pid,
    service: session.service,
  };
}

/** The answer that lets the leader in: where its view is, and what to set in its environment. */
export function answerOpen(session: Session): Answer {
  if (session.view === undefined) return { kind: "error", code: "Failed", reason: "This session has no view." };
  const { path: namespace, inode } = session.view;
  return { kind: "opened", reply: { id: session.id, namespace, inode, environment: { GUEST_SESSION: session.id } } };
}

/**
 * The receipt of a session, from what its end has found so far.
 * @param closedAt milliseconds since the epoch
 */
export function receiptOf(session: Session, closedAt: number): Receipt {
  return {
    id: session.id,
    user: session.account.user,
    uid: session.account.uid,
    service: session.service,
    leader: session.leader.pid,
    cause: session.cause ?? "leader-exited",
    openedAt: session.openedAt,
    closedAt,
    ...session.found,
  };
}
