import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { MethodParts } from "../../../src/bus/methods.ts";
import { makeMethods } from "../../../src/bus/methods.ts";
import { PendingCalls } from "../../../src/bus/pending.ts";
import { field, unwrap } from "../../../src/bus/values.ts";
import { GuestError } from "../../../src/policy/errors.ts";
import type { Answer } from "../../../src/policy/answer.ts";
import type { What } from "../../../src/policy/events.ts";
import { READY } from "../../helpers/play.ts";
import { LEASED } from "../../helpers/samples.ts";

const CALLER = { name: ":1.9", uid: 0, pid: 500 };

/** The methods of a daemon that answers each call at once. */
function methodsWith({
  state = READY,
  answer,
  findGid = () => Promise.resolve(985),
}: { state?: typeof READY; answer?: Answer; findGid?: MethodParts["findGid"] } = {}) {
  const events: What[] = [];
  const pending = new PendingCalls();
  const parts: Partial<MethodParts> = {
    state: () => state,
    dispatch: (event) => {
      events.push(event);
      if ("call" in event && answer !== undefined) pending.answer(event.call, answer);
    },
    pending,
    newId: () => "fresh",
    random: () => 3,
    translate: (sentence) => sentence.replace("Not today.", "Heute nicht."),
    findGid,
    cgroupOf: () => "/system.slice",
    startsService: () => false,
    gatherFacts: () => ({ overlay: true, mounts: [], links: [], etcFiles: [], asOnHost: [] }),
  };
  const call = async (name: string, args: readonly unknown[], caller = CALLER, since = performance.now()) => {
    const method = makeMethods(parts as MethodParts).find((row) => row.name === name);
    if (method === undefined) throw new Error(`no method ${name}`);
    return method.handle(args, caller, since);
  };
  return { events, call, pending };
}

const REQUEST = {
  user: field("s", "guest"),
  service: field("s", "login"),
  tty: field("s", "tty1"),
  rhost: field("s", ""),
};

describe("AllocateAccount", () => {
  it("does nothing for a request without a required field", async () => {
    const { events, call } = methodsWith();
    await expect(call("AllocateAccount", [{ ...REQUEST, rhost: undefined }])).rejects.toMatchObject({
      code: "InvalidArgument",
    });
    expect(events).toEqual([]);
  });

  it("takes the caller as the leader, whatever the request says", async () => {
    const { events, call } = methodsWith({ answer: { kind: "allocated", allocation: { verdict: "ignored" } } });
    await call("AllocateAccount", [
      { ...REQUEST, leaderPid: field("u", 1), gid: field("u", 0), id: field("s", "mine") },
    ]);
    expect(events).toEqual([
      {
        kind: "allocate-requested",
        id: "fresh",
        call: 1,
        user: "guest",
        service: "login",
        tty: "tty1",
        rhost: "",
        leaderPid: 500,
        leaderName: ":1.9",
        leaderCgroup: "/system.slice",
        gid: 985,
        random: 3,
        terms: "",
        answer: "",
      },
    ]);
  });

  it("looks up the group of guests only for the ghost", async () => {
    const findGid = () => Promise.reject(new Error("the name service hangs"));
    const { events, call } = methodsWith({
      answer: { kind: "allocated", allocation: { verdict: "ignored" } },
      findGid,
    });
    await call("AllocateAccount", [{ ...REQUEST, user: field("s", "root") }]);
    expect(events).toMatchObject([{ kind: "allocate-requested", user: "root", gid: undefined }]);
    await expect(call("AllocateAccount", [REQUEST])).rejects.toThrow("name service");
    expect(events).toHaveLength(1);
  });

  it("returns a refusal with its code and its sentence", async () => {
    const { call } = methodsWith({ answer: { kind: "error", code: "Refused", reason: "Not today." } });
    await expect(call("AllocateAccount", [REQUEST])).rejects.toEqual(new GuestError("Refused", "Heute nicht."));
  });

  it("returns terms of use instead, and passes on the guest's response to them", async () => {
    const terms = { text: "Be kind.", digest: "d1", answer: "yes" };
    const { events, call } = methodsWith({ answer: { kind: "terms", terms } });
    const asked = { ...REQUEST, terms: field("s", "d1"), answer: field("s", "no") };
    const shown = { terms: field("s", "Be kind."), digest: field("s", "d1") };
    expect(await call("AllocateAccount", [asked])).toEqual([{ verdict: field("s", "terms"), ...shown }]);
    expect(events).toMatchObject([{ terms: "d1", answer: "no" }]);
  });

  it("leases no account for an answer to another call", async () => {
    const { call } = methodsWith({
      answer: {
        kind: "opened",
        reply: { id: "a", namespace: "b", inode: 1, environment: {}, isolation: undefined, notice: "" },
      },
    });
    await expect(call("AllocateAccount", [REQUEST])).rejects.toThrow("unexpected answer");
  });

  it("returns the name of the leased account", async () => {
    const { call } = methodsWith({
      answer: { kind: "allocated", allocation: { verdict: "leased", user: LEASED.user } },
    });
    const [account] = await call("AllocateAccount", [REQUEST]);
    expect({ ...unwrap(account) }).toEqual({ verdict: "leased", user: LEASED.user });
  });
});

describe("OpenSession", () => {
  it("ignores an answer meant for AllocateAccount", async () => {
    const { call } = methodsWith({ answer: { kind: "allocated", allocation: { verdict: "unlocked" } } });
    const account = {
      uid: field("u", 60600),
      gid: field("u", 985),
      home: field("s", "/home/x"),
      shell: field("s", "/bin/sh"),
    };
    await expect(call("OpenSession", [{ ...REQUEST, ...account }])).rejects.toThrow("unexpected answer");
  });
});

describe("a call that takes too long", () => {
  const account = {
    uid: field("u", 60600),
    gid: field("u", 985),
    home: field("s", "/home/x"),
    shell: field("s", "/bin/sh"),
  };
  const CALLS: readonly [string, Answer][] = [
    ["AllocateAccount", { kind: "allocated", allocation: { verdict: "leased", user: LEASED.user } }],
    [
      "OpenSession",
      {
        kind: "opened",
        reply: { id: "fresh", namespace: "/proc/1/fd/9", inode: 1, environment: {}, isolation: undefined, notice: "" },
      },
    ],
  ];
  /** pam_guest gives up after this time. */
  const PATIENCE_MS = 5_000;

  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  const expired = (events: readonly What[]) => events.filter(({ kind }) => kind === "call-expired");

  it.each(CALLS)("(%s) is answered before pam_guest gives up, and what it made is removed", async (name) => {
    const { events, call } = methodsWith();
    const answered = expect(call(name, [{ ...REQUEST, ...account }])).rejects.toMatchObject({
      code: "Failed",
      message: expect.stringContaining("in time. Please try again.") as string,
    });
    await vi.advanceTimersByTimeAsync(PATIENCE_MS - 1_000);
    expect(expired(events)).toEqual([]);
    await vi.advanceTimersByTimeAsync(999);
    expect(expired(events)).toEqual([{ kind: "call-expired", id: "fresh" }]);
    expect(events[0]).toMatchObject({ id: "fresh" });
    await answered;
    expect(vi.getTimerCount()).toBe(0);
  });

  it.each(CALLS)("(%s) is timed from its arrival, not from when guestd knows the caller", async (name) => {
    const { events, call } = methodsWith();
    const answered = expect(
      call(name, [{ ...REQUEST, ...account }], undefined, performance.now() - 3_000),
    ).rejects.toMatchObject({ code: "Failed" });
    await vi.advanceTimersByTimeAsync(PATIENCE_MS - 3_001);
    expect(expired(events)).toHaveLength(1);
    await answered;
  });

  it.each(CALLS)("(%s) is not answered twice when its result is ready later", async (name, answer) => {
    const { events, call, pending } = methodsWith();
    const answered = expect(call(name, [{ ...REQUEST, ...account }])).rejects.toMatchObject({ code: "Failed" });
    await vi.advanceTimersByTimeAsync(PATIENCE_MS);
    await answered;
    pending.answer(1, answer);
    await vi.advanceTimersByTimeAsync(10 * PATIENCE_MS);
    expect(expired(events)).toHaveLength(1);
  });

  it.each(CALLS)("(%s) but is ready just in time is answered, and leaves no timer", async (name, answer) => {
    const { events, call, pending } = methodsWith();
    const answered = expect(call(name, [{ ...REQUEST, ...account }])).resolves.toHaveLength(1);
    await vi.advanceTimersByTimeAsync(PATIENCE_MS - 1_000);
    pending.answer(1, answer);
    await answered;
    expect(vi.getTimerCount()).toBe(0);
    await vi.advanceTimersByTimeAsync(10 * PATIENCE_MS);
    expect(expired(events)).toEqual([]);
  });

  it.each(CALLS)("(%s) no longer, as it was refused, leaves no timer", async (name) => {
    const { events, call } = methodsWith({ answer: { kind: "error", code: "Refused", reason: "Not today." } });
    await expect(call(name, [{ ...REQUEST, ...account }])).rejects.toMatchObject({ code: "Refused" });
    expect(vi.getTimerCount()).toBe(0);
    expect(expired(events)).toEqual([]);
  });
});
