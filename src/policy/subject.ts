// What an effect is about, and how sentences name it.
import type { Account } from "./account.ts";

/** A session, or a login without one. */
export interface SessionSubject {
  readonly of: "session";
  readonly id: string;
  readonly user: string;
  readonly uid: number;
  readonly leader: number;
  readonly service: string;
}

/** A UID without a session. `user` is the last guest. */
export interface UidSubject {
  readonly of: "uid";
  readonly uid: number;
  readonly user: string;
}

export interface SwitchSubject {
  readonly of: "switch";
}

/** All directories where guests may have left files. */
export interface PathsSubject {
  readonly of: "paths";
}

export type Subject = SessionSubject | UidSubject | SwitchSubject | PathsSubject;

export const SWITCH: SwitchSubject = { of: "switch" };
export const PATHS: PathsSubject = { of: "paths" };

interface Named {
  readonly id: string;
  readonly account: Pick<Account, "user" | "uid">;
  readonly leader: { readonly pid: number };
  readonly service: string;
}

export function subjectOf({ id, account: { user, uid }, leader, service }: Named): SessionSubject {
  return { of: "session", id, user, uid, leader: leader.pid, service };
}

/** Returns a key. Effects with the same key run in order. */
export function keyOf(subject: Subject): string {
  switch (subject.of) {
    case "session":
      return `session ${subject.id}`;
    case "uid":
      return `uid ${subject.uid}`;
    case "switch":
      return "the switch of guest logins";
    case "paths":
      return "the paths that are swept";
    default:
      return subject satisfies never;
  }
}

/** Returns "guest-k3f9 (uid 65536)", or the known part. */
export function describeUser({ user, uid }: { readonly user: string; readonly uid: number }): string {
  if (user === "") return `uid ${uid}`;
  return uid === 0 ? user : `${user} (uid ${uid})`;
}
