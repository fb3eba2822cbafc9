// guest-lookup with the real name service and process table.
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { resolve } from "node:path";
import { expect, it } from "vitest";
import { Lookup } from "../../src/system/accounts/lookup.ts";
import { findAccount, findGroup, isMember, listMembers } from "../../src/system/accounts/nss.ts";
import { describeAsRoot } from "./rig.ts";

const PROGRAM = resolve(process.env["GUEST_LOOKUP"] ?? "build/host/guest-lookup");
/** Of no account, and used by no other test. */
const UID = 23_457;

describeAsRoot("guest-lookup", () => {
  const lookup = new Lookup([PROGRAM]);

  it("finds accounts and groups by name and number, as getent does", async () => {
    const entry = (...key: string[]) => execFileSync("getent", key, { encoding: "utf8" }).trim();
    expect(await lookup.ask("passwd daemon")).toBe(entry("passwd", "daemon"));
    expect(await lookup.ask("uid 1")).toBe(entry("passwd", "daemon"));
    expect(await lookup.ask("group daemon")).toBe(entry("group", "daemon"));
    expect(await lookup.ask("groups 0 root")).toBe("0");
  });

  it.each(["", "-s", "--help", "0", "+0", " 0", "no:body", "daemon ", "nobody@uni.example", "../x"])(
    "finds nothing by the name %j",
    async (name) => {
      expect(await lookup.ask(`passwd ${name}`)).toBeUndefined();
      expect(await lookup.ask(`group ${name}`)).toBeUndefined();
    },
  );

  it.each(["", "-s", "--help", "0", "+0", " 0", "no:body", "nobody@uni.example", "../x"])(
    "has no account named %j, even where that is a UID",
    async (name) => {
      expect(await findAccount(name, lookup)).toBeUndefined();
    },
  );

  it("tells accounts and groups with their numbers", async () => {
    const root = await findAccount("root", lookup);
    expect(root).toMatchObject({ user: "root", uid: 0, gid: 0 });
    if (root === undefined) throw new Error("no root");
    expect(await findGroup("root", lookup)).toBe(0);
    expect(await findGroup("no-group", lookup)).toBeUndefined();
    for (const [group, isIn] of [
      ["root", true],
      ["daemon", false],
      ["no-group", false],
    ] as const)
      expect(await isMember(root, group, lookup), group).toBe(isIn);
    expect(await listMembers("no-group", lookup)).toEqual([]);
  });

  it("finds a process of a user, and none when it has ended", async () => {
    expect(await lookup.ask(`runs ${UID}`)).toBeUndefined();
    const child = spawn("/bin/sleep", ["600"], { uid: UID });
    await once(child, "spawn");
    expect(await lookup.ask(`runs ${UID}`)).toBe(String(child.pid));
    child.kill("SIGKILL");
    await once(child, "exit");
    expect(await lookup.ask(`runs ${UID}`)).toBeUndefined();
  });

  it.each([
    "",
    "passwd",
    "passwords root",
    "uid x",
    "uid -1",
    "uid 4294967296",
    "uid 0 ",
    "groups root",
    "groups 0",
    "runs",
  ])("fails at %j, which is no question", async (question) => {
    await expect(lookup.ask(question)).rejects.toThrow("guest-lookup failed: 2");
  });
});
