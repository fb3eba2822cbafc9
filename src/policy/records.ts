// What is said of a session to others: who it is in the journal, the answer to its login.
import type { Answer, Subject } from "./events.ts";
import type { Session } from "./session.ts";

/** Stands for a session's id where the switch of guest logins is meant: ids are longer. */
export const GATE_ID = "gate";

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
  const { path: namespace, inode, isolation } = session.view;
  const environment = { GUEST_SESSION: session.id };
  return {
    kind: "opened",
    reply: { id: session.id, namespace, inode, environment, ...(isolation === undefined ? {} : { isolation }) },
  };
}

/** The answer that makes a login go on as the leased account. */
export const answerAllocate = ({ account }: Session): Answer => ({
  kind: "allocated",
  allocation: { verdict: "leased", user: account.user },
});
