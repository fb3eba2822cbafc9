// What the journal says: for each action its MESSAGE_ID and its sentence. systemd/guestd.catalog explains each
// id to `journalctl -x`; a test holds the two together.
import type { Effect, EffectKind, Outcome, Subject } from "./events.ts";
import { describeGate } from "./switch.ts";
import { isClean } from "./receipt.ts";
import { GATE_ID } from "./records.ts";

/** What guestd itself does, beside the effects on sessions. */
export type DaemonAction =
  | "daemon-started"
  | "daemon-stopping"
  | "config-loaded"
  | "config-rejected"
  | "record-rejected"
  | "gate-rejected"
  | "orphan-killed"
  | "call-denied"
  | "call-failed";

export const MESSAGE_IDS: Readonly<Record<EffectKind | DaemonAction, string>> = {
  refuse: "3ceaaf30814248ea91d93080f9b439fc",
  "watch-leader": "9dfb369bab134faea27655daa05f1119",
  "enclose-leader": "d1a6e07ac93c4a4f8ae51b1a9d3ee2c7",
  "publish-account": "5acf3f17b0744b529c1cc7e442b62f91",
  "build-view": "6301bbfca0c5454e8ff9bb510944fe0c",
  "write-record": "6fced11d2bd841e6847a8387cdde8d51",
  "enter-ledger": "5fdca61101ef47dfa3f6429d78d0dee1",
  answer: "3a124c647e024f05b7c1dce27f7695f5",
  "announce-opened": "66080f174c9648e29cbd0ba3a1a6bcde",
  "note-close": "b120a366f0bb49cf82f2dc05873f9bd0",
  "limit-login": "5946e5042ee44cc4bfc94e415c7addb2",
  "note-ending": "6544c0c3cdc84321a51459536cfcf5e6",
  "stop-manager": "9a3595e3e1764b93a0d3a4893f150233",
  "kill-processes": "78b7d0ac84774ce08e4cda11b43c589b",
  "close-login": "34738ad0efcb4b989ad7cd029eca637e",
  "drop-view": "2330fcf1562a44b888668d77e827062c",
  "sweep-account": "9bcec3d70f9e492cb2f002052e6ca978",
  "write-receipt": "68546bfe046d4eab99bfbe55a92b548b",
  "sweep-lease": "5fb31a8590c44a4ca90ee9f2d0fd7d03",
  "settle-lease": "5747a297f4f944aba93ace90e5b2a22b",
  "write-gate": "0107a2a042794b37b6440841da3d3ce5",
  "remove-record": "c1acc9906424450aa36bf9b3ddcb369d",
  "announce-closed": "9ad9b9a25e78454db065a1c284cc4549",
  "release-account": "e47280fa7de74c63b1e9316cad3a2fce",
  "daemon-started": "993565976fba4662b6a730b7b12e9eed",
  "daemon-stopping": "8df08078a22e418085c2c2af3977a654",
  "config-loaded": "f3194a3b381e43e7952c466e473a1797",
  "config-rejected": "c498b6e73648445e9afa3a387f006745",
  "record-rejected": "ab57f985433243daa75a2e199b58ba8d",
  "gate-rejected": "c03e0e6ce863489db5686c4a7de83fbf",
  "orphan-killed": "60facf7785ba45b9959812f65a139cf5",
  "call-denied": "c1b87f1a7323491b99f9cbef0f69a4d0",
  "call-failed": "2eb737282fea475eb5365e1458294a90",
};

/** The sentence for an effect that is done. */
export function describeDone(effect: Effect, outcome: Outcome): string {
  const { subject } = effect;
  const session = nameSession(subject);
  switch (effect.kind) {
    case "refuse":
      return `Refused ${describeUser(subject)} at ${subject.service || "the bus"}: ${effect.reason}`;
    case "watch-leader":
      return `Watching leader ${effect.pid} of ${session}.`;
    case "enclose-leader":
      return `Put leader ${effect.pid} of ${session} into ${outcome.cgroups?.[0]?.path ?? "its cgroup"}.`;
    case "publish-account":
      return outcome.taken === undefined
        ? `Made the account ${describeUser(subject)} for ${session}.`
        : `Did not make the account ${describeUser(subject)}: it belongs to ${outcome.taken}.`;
    case "build-view":
      return `Built the view of ${session}: ${countOf(effect.plan.length, "step", "steps")}, mount namespace ${outcome.view?.inode ?? 0}.`;
    case "write-record":
      return `Wrote down ${session}.`;
    case "enter-ledger":
      return `Entered ${session} in the ledger.`;
    case "answer":
      return describeAnswer(effect);
    case "announce-opened":
      return `Opened ${session} of ${describeUser(subject)} through ${subject.service}, leader ${subject.leader}.`;
    case "note-close":
      return `PAM closed ${session}; it ends with its leader ${subject.leader}.`;
    case "limit-login":
      return `Limited ${session} in ${effect.cgroup.path}.`;
    case "note-ending":
      return `Began to end ${session} (${effect.session.cause ?? "unknown"}).`;
    case "stop-manager":
      return `Stopped the user manager of ${describeUser(subject)}.`;
    case "close-login":
      return `Closed the login of ${describeUser(subject)}.`;
    case "kill-processes":
      return `Killed ${countOf(outcome.found?.processesKilled ?? 0, "process", "processes")} of ${session}.`;
    case "drop-view":
      return `Dropped the view of ${session}; it held ${outcome.found?.tmpfsBytes ?? 0} bytes in memory.`;
    case "sweep-account":
      return `Swept what ${describeUser(subject)} had left: ${describeSwept(outcome)}.`;
    case "write-receipt":
      return `Wrote the receipt of ${session}.`;
    case "sweep-lease":
      return `Looked again at what the guests of uid ${subject.uid} had left: ${describeSwept(outcome)}.`;
    case "settle-lease":
      return `The uid ${subject.uid} may be handed out again.`;
    case "write-gate":
      return `Switched guest logins ${describeGate(effect.gate)}`;
    case "release-account":
      return `Took back the account ${describeUser(subject)}.`;
    case "remove-record":
      return effect.lease?.quarantine === undefined
        ? `Removed the record of ${session}.`
        : `Removed the record of ${session}; uid ${subject.uid} is not given to another guest: ${effect.lease.quarantine}`;
    case "announce-closed":
      return isClean(effect.receipt)
        ? `Closed ${session} of ${describeUser(subject)} (${effect.receipt.cause}): nothing is left.`
        : `Closed ${session} of ${describeUser(subject)} (${effect.receipt.cause}): left ${effect.receipt.left.join("; ")}`;
    default:
      return effect satisfies never;
  }
}

function describeAnswer({ subject, answer }: Effect & { kind: "answer" }): string {
  const asked = `${describeUser(subject)} at ${subject.service}`;
  if (answer.kind !== "allocated" || answer.allocation.verdict === "leased")
    return `Answered the call for ${nameSession(subject)}.`;
  return answer.allocation.verdict === "unlocked"
    ? `Let ${asked} unlock the screen.`
    : `Left the authentication of ${asked} to others.`;
}

/** The sentence for an effect that has failed. */
export function describeFailed(effect: Effect, reason: string): string {
  return `Failed at ${effect.kind} of ${nameSession(effect.subject)}: ${reason}`;
}

function describeSwept({ found }: Outcome): string {
  const seen = (found?.swept ?? []).filter((swept) => swept.found > 0 || swept.left.length > 0);
  if (seen.length === 0) return "nothing";
  return seen
    .map(({ kind, found: count, removed, left }) => `${kind} ${count}, removed ${removed}, left ${left.length}`)
    .join("; ");
}

const countOf = (count: number, one: string, many: string) => `${count} ${count === 1 ? one : many}`;

const nameSession = ({ id }: Subject) => (id === GATE_ID ? "the switch of guest logins" : `session ${id}`);

function describeUser({ user, uid }: Subject): string {
  if (user === "") return `uid ${uid}`;
  return uid === 0 ? user : `${user} (uid ${uid})`;
}
