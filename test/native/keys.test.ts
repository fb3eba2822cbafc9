// guest-keys against every way to protect keys. The user namespace takes remaining keys with it.
import { execFileSync, spawnSync } from "node:child_process";
import { chmodSync, copyFileSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { describeAsRoot, GUEST } from "./rig.ts";

const KEYS = resolve(process.env["GUEST_KEYS"] ?? "build/host/guest-keys");
const ALL_IDS = 65_536;

describeAsRoot("guest-keys", () => {
  let dir: string;
  let lastUid = GUEST;
  beforeAll(() => {
    dir = mkdtempSync(join(tmpdir(), "guestns-"));
    chmodSync(dir, 0o755);
    execFileSync("gcc", ["-Wall", "-Wextra", "-Werror", "-O1", "-o", `${dir}/hoard`, "test/native/hoard.c"]);
    copyFileSync(KEYS, `${dir}/guest-keys`);
  });
  afterAll(() => {
    rmSync(dir, { recursive: true });
  });

  /** Runs a script as root of a user namespace with unchanged ids. */
  function run(script: string): string[] {
    // A new UID each time: the kernel removes the keys of a dead namespace late.
    const uid = ++lastUid;
    const inside = `as() { setpriv --reuid=${uid} --regid=${uid} --clear-groups "$@"; }
      keys() { ./hoard join /bin/sh -c "setpriv --reuid=${uid} --regid=${uid} --clear-groups ./guest-keys" | tail -n 1; }
      count() { awk '$1 == "${uid}:" { split($3, keys, "/"); n = keys[1] } END { print n + 0 }' /proc/key-users; }
      read mapped <go; ${script}`;
    const outside = `mkfifo go; unshare --user sh -euc "$1" & inner=$!
      while [ "$(readlink /proc/$inner/ns/user)" = "$(readlink /proc/self/ns/user)" ]; do :; done
      for map in uid_map gid_map; do echo "0 0 ${ALL_IDS}" >/proc/$inner/$map; done
      echo mapped >go; rm go; wait $inner`;
    return execFileSync("sh", ["-euc", outside, "sh", inside], { encoding: "utf8", cwd: dir }).trim().split("\n");
  }

  /** Runs guest-keys twice after a hoard, then reads the kernel's count of keys. */
  function clear(kind: string) {
    const lines = run(`as ./hoard ${kind}; keys; keys; count`);
    const [[made = 0] = [], [found = 0, removed, left] = [], second, [counted] = []] = lines.map((line) =>
      line.split(" ").map(Number),
    );
    return { made, found, removed, left, second, counted };
  }

  it.each([
    ["by root", ["./guest-keys"]],
    ["with another effective UID", ["setpriv", "--ruid=12345", "--clear-groups", "./guest-keys"]],
    ["with root as the saved UID", ["perl", "-e", "$> = 12345; exec './guest-keys'"]],
  ])("does nothing when it is run %s", (_title, [command = "", ...args]) => {
    const { status, stdout } = spawnSync(command, args, { cwd: dir, encoding: "utf8" });
    expect({ status, stdout }).toEqual({ status: 1, stdout: "" });
  });

  it("reports no keys where the kernel forbids a look", () => {
    expect(run("as ./hoard forbidden ./guest-keys")).toEqual(["0", "0 0 0"]);
  });

  it("creates nothing where there are no keys", () => {
    expect(clear("nothing")).toEqual({ made: 0, found: 0, removed: 0, left: 0, second: [0, 0, 0], counted: 0 });
  });

  it.each<[kind: string, least: number]>([
    // The kernel adds a user's own keyring to each.
    ["user", 3],
    ["user-session", 3],
    ["persistent", 2],
    ["unsearchable", 3],
    ["nested", 8],
    ["full", 8],
    ["full-beside", 8],
  ])("removes a large number of keys of type %s, keyrings included", (kind, least) => {
    const { made, found, ...rest } = clear(kind);
    expect(made).toBeGreaterThan(0);
    expect(found).toBeGreaterThanOrEqual(Math.max(least, made + 1));
    expect(rest).toEqual({ removed: found, left: 0, second: [0, 0, 0], counted: 0 });
  });

  it("removes the session keyring of a process that still runs", () => {
    const [, said, left] = run(
      "mkfifo held; as ./hoard session /bin/cat held >made & exec 3>held; cat made; keys; count; exec 3>&-; wait; rm held made",
    );
    const [found = 0, removed, stays] = (said ?? "").split(" ").map(Number);
    expect(found).toBeGreaterThan(2);
    expect({ removed, stays }).toEqual({ removed: found - Number(left), stays: Number(left) });
  });

  it("removes keys that fill the user's quota through root's session keyring", () => {
    const { found, ...rest } = clear("full-persistent");
    expect(found).toBeGreaterThan(8);
    expect(rest).toMatchObject({ removed: found, left: 0, second: [0, 0, 0], counted: 0 });
  });

  it("reports what stays when the user has locked their own keyring", () => {
    const { found, removed = 0, left = 0, second, counted } = clear("sealed");
    expect(left).toBeGreaterThan(0);
    expect(found).toBe(removed + left);
    expect([second?.[2], counted]).toEqual([left, left]);
  });
});
