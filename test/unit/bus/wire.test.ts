import dbus from "dbus-next";
import { describe, expect, it } from "vitest";
import {
  wireAllocation,
  wireOpenReply,
  readAllocateRequest,
  readOpenRequest,
  wireReceipt,
  wireSessionDetails,
  wireSession,
} from "../../../src/bus/wire.ts";
import { field, unwrap } from "../../../src/bus/values.ts";
import { makeReceipt } from "../../../src/policy/make-receipt.ts";
import { NOTHING_FOUND } from "../../../src/policy/receipt.ts";
import {
  ALLOCATED_SESSION,
  ENDING_SESSION,
  endingOf,
  ISOLATION,
  LEASED,
  LEASED_SESSION,
  SESSION,
  SLICE,
} from "../../helpers/samples.ts";

const request = () => ({
  user: field("s", "guest1"),
  uid: field("u", 1101),
  gid: field("u", 1101),
  home: field("s", "/home/guest1"),
  shell: field("s", "/bin/bash"),
  service: field("s", "login"),
  tty: field("s", "tty1"),
  rhost: field("s", ""),
});

describe("readOpenRequest refuses", () => {
  it.each(Object.keys(request()))("a request without %s", (name) => {
    expect(() => readOpenRequest({ ...request(), [name]: undefined })).toThrow(`lacks "${name}"`);
  });

  it.each([
    ["uid", field("s", "0")],
    ["uid", field("d", 1.5)],
    ["user", field("u", 1)],
    ["home", field("s", "x".repeat(5000))],
    ["service", "login"],
  ])("%s as %o", (name, value) => {
    expect(() => readOpenRequest({ ...request(), [name]: value })).toThrow(`lacks "${name}"`);
  });

  it.each([undefined, null, 1, "x", []])("%o instead of a record", (value) => {
    expect(() => readOpenRequest(value)).toThrow(/lacks/);
  });
});

describe("readOpenRequest", () => {
  it("reads a login, and ignores unknown fields", () => {
    expect(readOpenRequest({ ...request(), later: field("s", "x") })).toEqual({
      account: { user: "guest1", uid: 1101, gid: 1101, home: "/home/guest1", shell: "/bin/bash" },
      service: "login",
      tty: "tty1",
      rhost: "",
      display: "",
      seat: "",
      terms: "",
      answer: "",
    });
  });

  it.each(["display", "seat", "terms", "answer"])("reads the %s from a module that sends it", (name) => {
    expect(readOpenRequest({ ...request(), [name]: field("s", "one") })).toMatchObject({ [name]: "one" });
    expect(() => readOpenRequest({ ...request(), [name]: field("u", 0) })).toThrow(`lacks "${name}"`);
  });
});

describe("unwrap", () => {
  it("adds no field that was not sent", () => {
    expect(unwrap({ a: new dbus.Variant("s", "x") })["constructor"]).toBeUndefined();
  });
});

describe("wireOpenReply", () => {
  it("sends the inode as 64 bits", () => {
    const record = wireOpenReply({
      id: "s1",
      namespace: "/proc/1/fd/2",
      inode: 4026532500,
      environment: { GUEST_SESSION: "s1" },
      isolation: undefined,
      notice: "",
    });
    expect(record["inode"]).toMatchObject({ signature: "t", value: 4026532500n });
    expect(record["environment"]).toMatchObject({ signature: "a{ss}", value: { GUEST_SESSION: "s1" } });
  });

  it("sends all four namespace fields of a shared account's session", () => {
    const record = wireOpenReply({
      id: "s1",
      namespace: "/proc/1/fd/2",
      inode: 1,
      environment: {},
      isolation: ISOLATION,
      notice: "",
    });
    expect(record).toMatchObject({
      pid_namespace: { signature: "s", value: ISOLATION.processes.path },
      pid_inode: { signature: "t", value: BigInt(ISOLATION.processes.inode) },
      ipc_namespace: { signature: "s", value: ISOLATION.ipc.path },
      ipc_inode: { signature: "t", value: BigInt(ISOLATION.ipc.inode) },
    });
  });

  it("sends the notice to the guest, if there is one", () => {
    const reply = { id: "s1", namespace: "/proc/1/fd/2", inode: 1, environment: {}, isolation: undefined };
    expect(wireOpenReply({ ...reply, notice: "All is deleted." })["notice"]).toEqual(field("s", "All is deleted."));
    expect(wireOpenReply({ ...reply, notice: "" })).not.toHaveProperty("notice");
  });

  it("sends only the IPC namespace of a leased account's session", () => {
    const { ipc } = ISOLATION;
    const record = wireOpenReply({
      id: "s1",
      namespace: "/proc/1/fd/2",
      inode: 1,
      environment: {},
      isolation: { ipc },
      notice: "",
    });
    expect(Object.keys(record).sort()).toEqual([
      "environment",
      "id",
      "inode",
      "ipc_inode",
      "ipc_namespace",
      "namespace",
    ]);
  });

  it("sends no namespace field of a session that shares them with the host", () => {
    const record = wireOpenReply({
      id: "s1",
      namespace: "/proc/1/fd/2",
      inode: 1,
      environment: {},
      isolation: undefined,
      notice: "",
    });
    expect(Object.keys(record).sort()).toEqual(["environment", "id", "inode", "namespace"]);
  });
});

describe("readAllocateRequest", () => {
  const asked = () => ({
    user: field("s", "guest"),
    service: field("s", "login"),
    tty: field("s", "tty1"),
    rhost: field("s", ""),
  });

  it.each(Object.keys(asked()))("refuses a request without %s", (name) => {
    expect(() => readAllocateRequest({ ...asked(), [name]: undefined })).toThrow(`lacks "${name}"`);
  });

  it.each([
    ["rhost", field("b", false)],
    ["user", field("u", 0)],
    ["service", field("s", "x".repeat(5000))],
    ["tty", "tty1"],
  ])("refuses %s as %o", (name, value) => {
    expect(() => readAllocateRequest({ ...asked(), [name]: value })).toThrow(`lacks "${name}"`);
  });

  it("reads who asks, and nothing that only the bus can prove", () => {
    const more = { uid: field("u", 0), leaderPid: field("u", 1), random: field("u", 1), gid: field("u", 0) };
    expect(readAllocateRequest({ ...asked(), ...more })).toEqual({
      user: "guest",
      service: "login",
      tty: "tty1",
      rhost: "",
      terms: "",
      answer: "",
    });
  });
});

describe("wireAllocation", () => {
  it("names the user of a leased account", () => {
    expect(wireAllocation({ verdict: "leased", user: LEASED.user })).toMatchObject({
      verdict: { signature: "s", value: "leased" },
      user: { signature: "s", value: LEASED.user },
    });
  });

  it.each(["unlocked", "ignored"] as const)("names no user when it is %s", (verdict) => {
    expect(wireAllocation({ verdict })).toEqual({ verdict: field("s", verdict) });
  });
});

describe("the record of a session on the bus", () => {
  it("names the type of account", () => {
    expect(wireSession(LEASED_SESSION)).toMatchObject({
      leased: { signature: "b", value: true },
      uid: { signature: "u", value: LEASED.uid },
    });
    expect(wireSession(SESSION)).toMatchObject({ leased: { signature: "b", value: false } });
  });

  it("counts times in microseconds", () => {
    expect(wireSession(SESSION)["opened"]).toMatchObject({ signature: "t", value: 1_000_000n });
  });

  it("contains the cgroups and, as JSON, the plan when all details are asked for", () => {
    expect(wireSessionDetails(LEASED_SESSION)).toMatchObject({
      cgroups: { signature: "as", value: [SLICE.path] },
      plan: { signature: "s", value: "[]" },
    });
  });

  it("is valid without a view", () => {
    expect(wireSessionDetails(ALLOCATED_SESSION)).toMatchObject({
      inode: { value: 0n },
      state: { value: "allocated" },
      skipped: { value: [] },
    });
  });
});

describe("wireReceipt", () => {
  it("is clean only when nothing is left", () => {
    const moment = { now: 2_000, uptime: 5_007_000 };
    expect(wireReceipt(makeReceipt(endingOf(LEASED_SESSION), [], moment))).toMatchObject({
      clean: { value: true },
      leased: { value: true },
      seconds: { signature: "t", value: 5n },
    });
    const found = { ...NOTHING_FOUND, left: ["process 7 does not end"] };
    expect(wireReceipt(makeReceipt({ ...ENDING_SESSION, found }, [], moment))).toMatchObject({
      clean: { value: false },
      left: { signature: "as", value: found.left },
    });
  });

  it("contains what was found, removed and left in each class", () => {
    const swept = [{ kind: "files" as const, found: 3, removed: 2, left: ["/tmp/x"] }];
    const ending = { ...ENDING_SESSION, found: { ...NOTHING_FOUND, swept }, begunUptime: 1_000 };
    const receipt = makeReceipt(ending, ["mounts"], { now: 2_000, uptime: 13_000 });
    expect(wireReceipt(receipt)).toMatchObject({
      swept: { signature: "a(suuas)", value: [["files", 3, 2, ["/tmp/x"]]] },
      left: { value: ["files: /tmp/x", "mounts: not checked"] },
      ending: { signature: "t", value: 12_000n },
      clean: { value: false },
    });
  });
});
