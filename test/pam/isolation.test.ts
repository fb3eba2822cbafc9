/** A session's PID and IPC namespaces are checked, joined, and left at the end. */
import { closeSync } from "node:fs";
import dbus from "dbus-next";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { describeModule, type Fixture } from "./fixture.ts";
import { errors, type Hook } from "./host.ts";
import { isolated, session } from "./scripted_guestd.ts";
import { createIsolation, type Held, holdFile, type Isolation } from "./world.ts";

const { Variant } = dbus;

type Changes = Parameters<typeof session>[1];

const answer = (at: Fixture, isolation = at.isolation, changes: Changes = {}) =>
  session(at.view, { ...isolated(isolation), ...changes });

/** The view is valid, but no namespace is entered, and the guest is told. */
function expectRefusal(hook: Hook, reason: string): void {
  expect(hook.result).toBe("PAM_SESSION_ERR");
  expect(hook.logged).toHaveLength(1);
  expect(hook.logged[0]).toContain("guest refused: ");
  expect(hook.logged[0]).toContain(reason);
  expect(errors(hook)).toHaveLength(1);
  expect(hook.environment).toEqual([]);
  expect(hook.after).toEqual(hook.before);
}

const incomplete = "has some of pid_namespace, pid_inode, ipc_namespace, ipc_inode";
const path = (value: string) => new Variant("s", value);
const inode = (value: bigint) => new Variant("t", value);

const badReplies: readonly [string, string, Changes | ((at: Fixture) => Changes)][] = [
  ["no pid_namespace", incomplete, { pid_namespace: undefined }],
  ["no pid_inode", incomplete, { pid_inode: undefined }],
  ["no ipc_namespace", incomplete, { ipc_namespace: undefined }],
  ["no ipc_inode", incomplete, { ipc_inode: undefined }],
  ["processes and no IPC", incomplete, { ipc_namespace: undefined, ipc_inode: undefined }],
  ["empty paths", "field ", { pid_namespace: path(""), ipc_namespace: path("") }],
  ["inodes of 0", "field ", { pid_inode: inode(0n), ipc_inode: inode(0n) }],
  [
    "four empty fields",
    "field ",
    {
      pid_namespace: path(""),
      pid_inode: inode(0n),
      ipc_namespace: path(""),
      ipc_inode: inode(0n),
    },
  ],
  ["a pid_inode that is a string", "field pid_inode", { pid_inode: path("7") }],
  ["an ipc_inode of 32 bits", "field ipc_inode", { ipc_inode: new Variant("u", 7) }],
  ["a pid_namespace that is a number", "field pid_namespace", { pid_namespace: inode(7n) }],
  [
    "the PID namespace of a process",
    "the PID namespace in the reply is not of the form",
    {
      pid_namespace: path("/proc/1/ns/pid"),
    },
  ],
  [
    "the IPC namespace of a process",
    "the IPC namespace in the reply is not of the form",
    {
      ipc_namespace: path("/proc/1/ns/ipc"),
    },
  ],
  [
    "a descriptor for processes that is not open",
    "No such file",
    (at) => ({
      pid_namespace: path(at.isolation.pid.path.replace(/\d+$/, "999999")),
    }),
  ],
  [
    "a descriptor for IPC that is not open",
    "No such file",
    (at) => ({
      ipc_namespace: path(at.isolation.ipc.path.replace(/\d+$/, "999999")),
    }),
  ],
  ["another PID inode", "is PID namespace", (at) => ({ pid_inode: inode(at.isolation.pid.inode + 1n) })],
  ["another IPC inode", "is IPC namespace", (at) => ({ ipc_inode: inode(at.isolation.ipc.inode + 1n) })],
  ["the two exchanged", "is no IPC namespace", (at) => isolated({ pid: at.isolation.ipc, ipc: at.isolation.pid })],
];

/** One part is this file, held as guestd holds a namespace. */
function holding(at: Fixture, part: "pid" | "ipc", file: string): Isolation {
  const held: Held = holdFile(file);
  onTestFinished(() => {
    closeSync(held.fd);
  });
  return { ...at.isolation, [part]: held };
}

describeModule("a session with its own PID and IPC namespaces", (at) => {
  it.each(badReplies)("with %s is refused before any namespace is entered", async (_, reason, changes) => {
    at.guestd.answer = answer(at, at.isolation, typeof changes === "function" ? changes(at) : changes);
    expectRefusal(await at.once(), reason);
  });

  it.each([
    ["pid", "/etc/hostname", "is not a namespace"],
    ["ipc", "/etc/hostname", "is not a namespace"],
    ["pid", "/proc/self/ns/mnt", "is no PID namespace"],
    ["ipc", "/proc/self/ns/uts", "is no IPC namespace"],
    ["pid", "/proc/self/ns/pid", "is the PID namespace that this login comes from"],
    ["ipc", "/proc/self/ns/ipc", "is the IPC namespace that this login comes from"],
  ] as const)("with %s from %s is refused before any namespace is entered", async (part, file, reason) => {
    at.guestd.answer = answer(at, holding(at, part, file));
    expectRefusal(await at.once(), reason);
  });

  describe("from a user namespace of the guest's", () => {
    let shaped: Isolation;
    beforeAll(async () => {
      shaped = await createIsolation(at.world, ["-U", "-r"]);
    });
    afterAll(() => shaped.stop());

    it.each(["pid", "ipc"] as const)("is refused (%s) before any namespace is entered", async (part) => {
      at.guestd.answer = answer(at, { ...at.isolation, [part]: shaped[part] });
      expectRefusal(await at.once(), `${part.toUpperCase()} namespace belongs to another user namespace`);
    });
  });

  it("is entered without a PID namespace, by a user manager, too", async () => {
    at.guestd.answer = answer(at, at.isolation, { pid_namespace: undefined, pid_inode: undefined });
    for (const service of ["login", "systemd-user"]) {
      const hook = await at.once({ service });
      expect(hook).toMatchObject({ result: "PAM_SUCCESS", logged: [] });
      expect(BigInt(hook.after.ipc)).toBe(at.isolation.ipc.inode);
      expect(hook.after.children).toBe(hook.before.children);
    }
  });

  it("is refused to a user manager, which could not run in it", async () => {
    at.guestd.answer = answer(at);
    expectRefusal(await at.once({ service: "systemd-user" }), "has a PID namespace for a user manager");
  });

  it.each([
    [1, "setns to the mount namespace: Operation not permitted"],
    [2, "setns to the IPC namespace (in the view already: this process has to end): Operation not permitted"],
    [3, "setns to the PID namespace (in the view already: this process has to end): Operation not permitted"],
  ])("is refused where setns(2) fails at call %d", async (number, reason) => {
    at.guestd.answer = answer(at);
    const fault = `inject=setns:error=EPERM:when=${String(number)}`;
    const hook = await at.once({
      wrapper: ["strace", "-f", "-o", "/dev/null", "-e", fault],
      environment: { ASAN_OPTIONS: "detect_leaks=0" },
    });
    expect(hook.result).toBe("PAM_SESSION_ERR");
    expect(hook.logged.join()).toContain(`guest refused: ${reason}`);
    expect(hook.environment).toEqual([]);
    expect(hook.after).toMatchObject({ children: hook.before.children, descriptors: hook.before.descriptors });
  });
});

describeModule("a guest with their own PID and IPC namespaces", (at) => {
  const children = (hooks: readonly Hook[]) => hooks.filter((hook) => hook.hook === "child");

  it("has them while the session is open, and leaves no descriptor open", async () => {
    at.guestd.answer = answer(at);
    const hook = await at.once();
    expect(hook).toMatchObject({ result: "PAM_SUCCESS", told: [], logged: [] });
    expect(BigInt(hook.after.namespace)).toBe(at.view.inode);
    expect(BigInt(hook.after.ipc)).toBe(at.isolation.ipc.inode);
    expect(BigInt(hook.after.children)).toBe(at.isolation.pid.inode);
    expect(hook.after.descriptors).toBe(hook.before.descriptors);
    expect(hook.after.inherited).toBe(hook.before.inherited);
  });

  it("has children below guestd's first process, and the host's after the close", async () => {
    at.guestd.answer = answer(at);
    const hooks = await at.run(["child", "open", "child", "close", "child"]);
    expect(hooks.map((hook) => hook.result)).toEqual(hooks.map(() => "PAM_SUCCESS"));
    const [before, during, after] = children(hooks);
    expect(BigInt(during?.after.children ?? 0)).toBe(at.isolation.pid.inode);
    expect(BigInt(during?.after.ipc ?? 0)).toBe(at.isolation.ipc.inode);
    expect(during?.pid).toBeGreaterThan(1);
    expect(during?.pid).toBeLessThan(before?.pid ?? 0);
    expect(after?.after.children).toBe(before?.after.children);
  });

  it("has them until the last close of a stack that names the module twice", async () => {
    at.guestd.answer = answer(at);
    const stack = [`required ${at.build.module}`, `required ${at.build.module}`];
    const hooks = await at.run(["open", "child", "close", "child"], { stack });
    const [during, after] = children(hooks);
    expect(BigInt(during?.after.children ?? 0)).toBe(at.isolation.pid.inode);
    expect(after?.after.children).toBe(hooks[0]?.before.children);
  });

  it("is in the host's namespaces after the close although guestd does not answer", async () => {
    at.guestd.answer = (call) => (call.member === "OpenSession" ? answer(at) : { kind: "silence" });
    const [open, close] = await at.run(["open", "close"]);
    expect(close).toMatchObject({ result: "PAM_SUCCESS", logged: [] });
    expect(close?.after.children).toBe(open?.before.children);
  });

  it("has their session closed, and the failure logged, where the way back is barred", async () => {
    at.guestd.answer = answer(at);
    const wrapper = ["strace", "-f", "-o", "/dev/null", "-e", "inject=pidfd_open:error=EMFILE:when=1"];
    const [, close] = await at.run(["open", "close"], { wrapper, environment: { ASAN_OPTIONS: "detect_leaks=0" } });
    expect(close?.result).toBe("PAM_SUCCESS");
    expect(close?.logged).toEqual([
      "4 pam_guest(login:session): session k3f9: children go on to be born in the session's PID namespace: " +
        "Too many open files",
    ]);
    expect(at.guestd.calls.map((call) => call.member)).toEqual(["OpenSession", "CloseSession"]);
  });

  it("is refused where PAM cannot store the environment, and children stay the host's", async () => {
    at.guestd.answer = answer(at);
    const [open, child] = await at.run(["no-memory", "open", "child"]);
    expect(open).toMatchObject({ result: "PAM_SESSION_ERR", environment: [] });
    expect(open?.logged.join()).toContain("guest refused: environment: ");
    expect(open?.after.children).toBe(open?.before.children);
    expect(child?.after.children).toBe(open?.before.children);
  });

  it("does not affect a session without them", async () => {
    const [open, close] = await at.run(["open", "close"]);
    expect(open?.after).toMatchObject({ ipc: open?.before.ipc, children: open?.before.children });
    expect(close?.after).toEqual(close?.before);
  });

  it("is served in an application with threads", async () => {
    at.guestd.answer = answer(at);
    const [open] = await at.run(["threaded", "open"]);
    expect(open?.result).toBe("PAM_SUCCESS");
    expect(BigInt(open?.after.children ?? 0)).toBe(at.isolation.pid.inode);
  });
});
