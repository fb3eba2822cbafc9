// The walk for files of waiting UIDs finds what an accomplice hides from the look at an end, continues where it
// stopped, and slows nothing down.
import { execFileSync } from "node:child_process";
import { chmodSync, chownSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import type { Walk, WalkProgress } from "../../src/system/bindings.ts";
import { describeAsRoot, failureOf, GUEST, native } from "./rig.ts";

const ACCOMPLICE = 54321;
const SECOND_GUEST = GUEST + 1;
const LIMIT = 60_000;
const MANY_FILES_MS = 180_000;
/** The thread runs when no other wants to (sched(7)). */
const SCHED_IDLE = 5;

describeAsRoot("a walk", () => {
  let dir: string;
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), "guestns-"));
    chmodSync(dir, 0o1777);
  });
  afterEach(() => {
    execFileSync("rm", ["-rf", dir]);
  });

  const as = (uid: number, script: string) => {
    execFileSync("setpriv", [`--reuid=${uid}`, `--regid=${uid}`, "--clear-groups", "sh", "-euc", script], { cwd: dir });
  };
  const look = () => native.sweepFiles([dir], GUEST, true, LIMIT);
  const open = (...uids: number[]) => native.openWalk([dir], uids.length === 0 ? [GUEST] : uids);
  /** Runs a walk to its end, in slices of limitMs. */
  const finish = async (walk: Walk, limitMs = LIMIT): Promise<WalkProgress & { readonly slices: number }> => {
    for (let slices = 1; ; slices++) {
      const progress = await walk.goOn(limitMs);
      if (progress.done) return { ...progress, slices };
    }
  };
  const nothing = { done: true, owners: [], unread: [] };
  const his = (found: number, uid = GUEST) => ({ uid, found, removed: found, left: [] });

  it.each<[string, unknown, unknown, string]>([
    ["a path that is no text", [7], [GUEST], "paths"],
    ["a relative path", ["tmp"], [GUEST], "tmp"],
    ["uids that are no array", ["/none"], GUEST, "uids"],
    ["root's own files", ["/none"], [GUEST, 0], "uid"],
    ["a uid that is no number", ["/none"], ["1"], "uid"],
  ])("is refused for %s", (_title, paths, uids, path) => {
    const failure = expect.objectContaining({ step: "arguments", path, code: "EINVAL" }) as Error;
    expect(() => native.openWalk(paths as string[], uids as number[])).toThrow(failure);
  });

  it("runs one call at a time, and rejects an invalid time", async () => {
    const walk = open();
    const [first, second] = [walk.goOn(LIMIT), failureOf(walk.goOn(LIMIT))];
    expect(await second).toMatchObject({ step: "sweep", code: "EBUSY" });
    expect(await first).toMatchObject(nothing);
    expect(await failureOf(walk.goOn(-1))).toMatchObject({ path: "limitMs", code: "EINVAL" });
  });

  it.each<[title: string, hide: () => void]>([
    [
      "in a directory that its owner opens and closes again",
      () => {
        as(ACCOMPLICE, "mkdir -m 777 den");
        as(GUEST, "mkdir den/d; touch den/d/file");
        as(ACCOMPLICE, "chmod 700 den");
      },
    ],
    [
      "by a hard link",
      () => {
        as(ACCOMPLICE, "mkdir -p den/deep; chmod 777 den/deep");
        as(GUEST, "mkdir den/deep/x; touch file; ln file den/deep/x/file; rm file");
      },
    ],
    [
      "by a directory of theirs that is moved",
      () => {
        as(ACCOMPLICE, "mkdir -m 777 open den");
        as(GUEST, "mkdir -m 777 open/d; touch open/d/file");
        as(ACCOMPLICE, "mv open/d den/d; chmod 700 den");
      },
    ],
    [
      "by an ACL that is removed again",
      () => {
        as(ACCOMPLICE, "mkdir -m 711 den; mkdir -m 733 den/in");
        as(GUEST, "mkdir den/in/d; touch den/in/d/file");
        as(ACCOMPLICE, "chmod 711 den/in");
      },
    ],
  ])("finds files that an accomplice has let a guest hide: %s", async (_title, hide) => {
    hide();
    expect(await look()).toEqual({ found: 0, removed: 0, left: [], unseen: [dir] });
    expect(await finish(open())).toMatchObject({ ...nothing, owners: [his(2)] });
    expect(await finish(open())).toMatchObject(nothing);
    expect(readdirSync(dir)).toContain("den");
  });

  it("finds files hidden below a mount", () => {
    as(ACCOMPLICE, "mkdir -m 777 den");
    as(GUEST, "touch den/file");
    const addon = process.env["GUESTNS_ADDON"] ?? "build/host/guestns.node";
    const script = `require(${JSON.stringify(join(process.cwd(), addon))}).openWalk(["${dir}"], [${GUEST}]).goOn(${LIMIT}).then((p) => console.log(JSON.stringify(p)))`;
    const argv = ["-m", "--propagation", "private", "sh", "-euc", 'mount -t tmpfs none den; exec "$@"', "sh"];
    const said = execFileSync("unshare", [...argv, process.execPath, "-e", script], { encoding: "utf8", cwd: dir });
    expect(JSON.parse(said)).toMatchObject({ ...nothing, owners: [his(1)] });
    expect(existsSync(`${dir}/den/file`)).toBe(false);
  });

  it("looks for many UIDs at once, separates them, and leaves files of others", async () => {
    as(ACCOMPLICE, "mkdir -m 777 den; touch den/theirs");
    as(GUEST, "mkdir -m 777 den/d; touch den/1 den/d/2");
    as(SECOND_GUEST, "touch den/d/3 den/4 5");
    as(GUEST + 2, "touch den/6");
    const { owners } = await finish(open(GUEST, SECOND_GUEST));
    expect(owners).toEqual([his(3), his(3, SECOND_GUEST)]);
    expect(readdirSync(`${dir}/den`).sort()).toEqual(["6", "theirs"]);
  });

  it(
    "continues where it stopped, and ends in any large and deep tree of another user",
    { timeout: MANY_FILES_MS },
    async () => {
      as(
        ACCOMPLICE,
        `mkdir wide; perl -e 'mkdir "wide/$_" or die $! for 1..5000'; mkdir deep; cd deep; perl -e 'for (1..2500) { mkdir "d" or die $!; mkdir "e"; chdir "d" or die $! } mkdir "den"'`,
      );
      execFileSync("perl", [
        "-e",
        `chdir "${dir}/deep"; for (1..2500) { chdir "d" or die $! } open(F, ">", "den/file") or die $!; chown ${GUEST}, 0, "den/file" or die $!`,
      ]);
      const { slices, names, ...rest } = await finish(open(), 10);
      expect(rest).toEqual({ done: true, owners: [his(1)], unread: [] });
      expect(slices).toBeGreaterThan(1);
      // Each name once, however often it stopped.
      expect(names).toBe(5000 + 2 + 2 * 2500 + 2);
      const open_ = readdirSync("/proc/self/fd").length;
      expect(open_).toBeLessThan(200);
    },
  );

  it("continues elsewhere when another user moves its current directory away", { timeout: MANY_FILES_MS }, async () => {
    as(ACCOMPLICE, `mkdir a; cd a; perl -e 'for (1..1500) { mkdir "d" or die $!; chdir "d" or die $! }'`);
    const walk = open();
    // It may be deep inside by now. It must terminate, and never leave the directory.
    let progress = await walk.goOn(1);
    as(ACCOMPLICE, "mkdir b; mv a/d/d b/d; rmdir a/d a");
    as(GUEST, "touch last");
    while (!progress.done) progress = await walk.goOn(1);
    expect(progress.unread).toEqual([]);
    await finish(open());
    expect(readdirSync(dir)).toEqual(["b"]);
  });

  it("continues what an interrupted sweep has left", async () => {
    as(ACCOMPLICE, "mkdir -m 777 den");
    as(GUEST, "mkdir -p den/a/b/c");
    // As the walk leaves a directory: owned by root, with its user's UID as the group.
    for (const path of ["den/a", "den/a/b"]) {
      chownSync(join(dir, path), 0, GUEST);
      chmodSync(join(dir, path), 0o700);
    }
    mkdirSync(join(dir, "den/roots"), { mode: 0o700 });
    expect(await finish(open())).toMatchObject({ ...nothing, owners: [his(1)] });
    expect(readdirSync(`${dir}/den`)).toEqual(["roots"]);
  });

  it("ignores unreadable files in another user's directory, and reports them elsewhere", async () => {
    execFileSync("sh", ["-euc", "touch file"], { cwd: dir });
    expect(await finish(native.openWalk([`${dir}/file`], [GUEST]))).toMatchObject({
      unread: [`${dir}/file: could not be looked at: Not a directory`],
    });
  });

  it("yields the processor to every other process", { timeout: MANY_FILES_MS }, async () => {
    as(ACCOMPLICE, `perl -e 'mkdir $_ or die $! for 1..5000'`);
    const walk = open();
    const policies = new Set<number>();
    const look = setInterval(() => {
      for (const task of readdirSync("/proc/self/task")) policies.add(policyOf(task));
    }, 1);
    await finish(walk, 20);
    clearInterval(look);
    expect(policies).toContain(SCHED_IDLE);
  });

  /** The policy of a walk's thread, or 0 for other threads. */
  function policyOf(task: string): number {
    try {
      const stat = readFileSync(`/proc/self/task/${task}/stat`, "latin1");
      const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
      return stat.includes("(guestns-walk)") ? Number(fields[38]) : 0;
    } catch {
      return 0;
    }
  }

  it("leaves another user's directories unchanged", async () => {
    as(ACCOMPLICE, "mkdir -m 755 den; mkdir -m 700 den/closed; touch den/closed/file");
    const before = statSync(`${dir}/den/closed`);
    await finish(open());
    const { uid, gid, mode, mtimeMs } = statSync(`${dir}/den/closed`);
    expect([uid, gid, mode, mtimeMs]).toEqual([before.uid, before.gid, before.mode, before.mtimeMs]);
  });
});
