/** Plays guestd for the module: owns org.guestd1 on a bus, records each call and answers as the test says. */
import dbus from "dbus-next";
import type { Isolation, View, World } from "./world.ts";

export interface Call {
  readonly member: string;
  readonly signature: string;
  readonly body: readonly unknown[];
}

export type Answer =
  | { readonly kind: "return"; readonly signature: string; readonly body: unknown[] }
  | { readonly kind: "error"; readonly name: string; readonly text: string }
  | { readonly kind: "silence" }
  /** The promise resolves to the answer. */
  | { readonly kind: "later"; readonly answer: Promise<Answer> };

export interface ScriptedGuestd {
  /** One for all calls, or one per call. */
  answer: Answer | ((call: Call) => Answer);
  readonly calls: Call[];
  stop(): void;
}

type Fields = Record<string, dbus.Variant>;

export const silence: Answer = { kind: "silence" };

export const refused = (text: string, name = "org.guestd1.Error.Refused"): Answer => ({ kind: "error", name, text });

const answerFields = (fields: Fields) =>
  ({ kind: "return", signature: "a{sv}", body: [fields] }) as const satisfies Answer;

/** OpenSession's reply for `view`. @param changes replaces or adds fields; undefined removes one */
export function session(view: Pick<View, "path" | "inode">, changes: Record<string, dbus.Variant | undefined> = {}) {
  const fields: Record<string, dbus.Variant | undefined> = {
    id: new dbus.Variant("s", "k3f9"),
    namespace: new dbus.Variant("s", view.path),
    inode: new dbus.Variant("t", view.inode),
    environment: new dbus.Variant("a{ss}", { GUEST_SESSION: "k3f9", TMPDIR: "/tmp" }),
    ...changes,
  };
  const kept: Fields = {};
  for (const [name, value] of Object.entries(fields)) if (value) kept[name] = value;
  return answerFields(kept);
}

/** AllocateAccount's reply. */
export const verdict = (kind: string, user?: string): Answer =>
  answerFields({
    verdict: new dbus.Variant("s", kind),
    ...(user === undefined ? {} : { user: new dbus.Variant("s", user) }),
  });

/** Either method's reply for a guest who must accept terms of use first. */
export const terms = (text: string, digest: string, changes: Fields = {}): Answer =>
  answerFields({ terms: new dbus.Variant("s", text), digest: new dbus.Variant("s", digest), ...changes });

/** More fields of OpenSession's reply, for a session with its own PID and IPC namespaces. */
export const isolated = ({ pid, ipc }: Pick<Isolation, "pid" | "ipc">) => ({
  pid_namespace: new dbus.Variant("s", pid.path),
  pid_inode: new dbus.Variant("t", pid.inode),
  ipc_namespace: new dbus.Variant("s", ipc.path),
  ipc_inode: new dbus.Variant("t", ipc.inode),
});

function reply(bus: dbus.MessageBus, message: dbus.Message, answer: Answer): void {
  switch (answer.kind) {
    case "silence":
      return;
    case "later":
      void answer.answer.then((later) => {
        reply(bus, message, later);
      });
      return;
    case "return":
      bus.send(dbus.Message.newMethodReturn(message, answer.signature, answer.body));
      return;
    case "error":
      // types.d.ts takes a string, but the library the answered message.
      bus.send(dbus.Message.newError(message as unknown as string, answer.name, answer.text));
  }
}

/** CloseSession returns nothing, whatever OpenSession was to answer. */
const closed = (answer: Answer): Answer =>
  answer.kind === "return" ? { kind: "return", signature: "", body: [] } : answer;

export async function startScriptedGuestd(world: World): Promise<ScriptedGuestd> {
  const bus = dbus.sessionBus({ busAddress: world.busAddress });
  const guestd: ScriptedGuestd = {
    answer: silence,
    calls: [],
    stop: () => {
      bus.disconnect();
    },
  };
  // The tests stop and kill their bus. Without a listener that would end the test process.
  bus.on("error", () => undefined);
  bus.addMethodHandler((message: dbus.Message): boolean => {
    if (message.interface !== "org.guestd1.Manager" || message.path !== "/org/guestd1") return false;
    const call: Call = { member: message.member, signature: message.signature, body: message.body };
    guestd.calls.push(call);
    const answer = typeof guestd.answer === "function" ? guestd.answer(call) : guestd.answer;
    reply(bus, message, call.member === "CloseSession" ? closed(answer) : answer);
    return true;
  });
  await bus.requestName("org.guestd1", 0);
  return guestd;
}
