import type { ChildProcess } from "node:child_process";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { openSync } from "node:fs";
import { afterEach, describe, expect, it } from "vitest";
import { DEFAULTS } from "../../../../src/config/parse.ts";
import { ACCOUNT_KINDS, listLeft, SHARED_KINDS } from "../../../../src/policy/receipt.ts";
import type { Bindings } from "../../../../src/system/bindings.ts";
import { Cgroups } from "../../../../src/system/processes/cgroups.ts";
import type { UidSubject } from "../../../../src/policy/subject.ts";
import type { FileHolder, MountHolder, SearchHolders } from "../../../../src/system/processes/holder-search.ts";
import { runsAs as processRunsAs } from "../../../../src/system/processes/kill.ts";
import type { SearchMembers } from "../../../../src/system/processes/member-search.ts";
import type { UidSweepParts } from "../../../../src/system/sweep/uid-sweep.ts";
import { sweepUid } from "../../../../src/system/sweep/uid-sweep.ts";
import { clean } from "../../../helpers/play.ts";

/** No process of this machine runs as it: the real /proc is read. */
const UID = 2_000_000_000 + process.pid;
const ACCOUNT: UidSubject = { of: "uid", user: "guest-bbbb", uid: UID };
const SESSION = `uid-sweep-${process.pid}`;

const asRoot = it.skipIf(process.getuid?.() !== 0);
const children: ChildProcess[] = [];

afterEach(() => {
  for (const child of children.splice(0)) child.kill("SIGKILL");
});

/** Resolves once the program has written a line. */
async function start(script: string, uid?: number): Promise<ChildProcess> {
  const child = spawn("/bin/sh", ["-c", script], {
    stdio: ["pipe", "pipe", "inherit"],
    ...(uid === undefined ? {} : { uid }),
  });
  children.push(child);
  await once(child.stdout, "data");
  return child;
}

/** Answers as guest-holders does for a child. */
const runsAs = (pid: number | undefined, uid: number | undefined): number[] =>
  pid !== undefined && uid !== undefined && processRunsAs(`/proc/${pid}`, uid) ? [pid] : [];

async function sweep({
  session = SESSION,
  files = [],
  mounts = [],
  swept = clean("processes", ...ACCOUNT_KINDS),
  owner,
  did = [],
}: {
  session?: string;
  files?: readonly FileHolder[] | Error;
  mounts?: readonly MountHolder[];
  swept?: ReturnType<typeof clean>;
  /** The user who got the UID during the look. */
  owner?: string;
  did?: unknown[][];
} = {}) {
  let opened = 0;
  const bindings: Pick<Bindings, "openPidfd" | "sendSignal"> = {
    openPidfd: (pid) => {
      opened = pid;
      return openSync("/dev/null", "r");
    },
    sendSignal: (_pidfd, signal) => {
      did.push(["kill", opened, signal]);
      process.kill(opened, signal);
      return true;
    },
  };
  const search: SearchHolders = (criteria) => {
    did.push(["search", criteria]);
    return files instanceof Error
      ? Promise.reject(files)
      : Promise.resolve({ files, mounts, unread: [], unseen: [], whole: true });
  };
  const sweeper: UidSweepParts["sweeper"] = {
    sweep: (...args) => {
      did.push(["sweep", ...args]);
      return Promise.resolve(swept);
    },
  };
  const searchMembers: SearchMembers = ({ uid }) =>
    Promise.resolve({ pids: children.flatMap(({ pid }) => runsAs(pid, uid)), unseen: [], whole: true });
  const checkForeign: UidSweepParts["checkForeign"] = ({ uid }) => {
    did.push(["check", uid]);
    return owner === undefined ? Promise.resolve() : Promise.reject(new Error(`the uid ${uid} belongs to ${owner}`));
  };
  const parts = { bindings, cgroups: new Cgroups(), checkForeign, sweeper, search, searchMembers };
  const found = await sweepUid(parts, ACCOUNT, session, DEFAULTS.Sweep);
  const left = listLeft({ ...found, left: [] }, [...SHARED_KINDS, ...ACCOUNT_KINDS]);
  return { swept: found.swept, left, did };
}

describe("looking again at a quarantined UID", () => {
  it("reports that open files could not be looked at, and sweeps all the same", async () => {
    const { left, did } = await sweep({ files: new Error("EMFILE") });
    expect(left).toEqual(["mounts: could not be looked at: EMFILE", "open-files: could not be looked at: EMFILE"]);
    expect(did.at(-1)?.[0]).toBe("sweep");
  });

  it("names processes that hold a file of it", async () => {
    const { left } = await sweep({ files: [{ pid: 2 ** 30, how: "descriptor" }] });
    expect(left).toEqual([`open-files: process ${2 ** 30} holds a file of it (descriptor)`]);
  });

  it("reports what the sweep has left or not searched", async () => {
    const [processes, ...others] = clean("processes", ...ACCOUNT_KINDS.slice(1));
    const { left } = await sweep({
      swept: [{ ...(processes as (typeof others)[number]), left: ["process 7 does not end"] }, ...others],
    });
    expect(left).toEqual(["processes: process 7 does not end", "media: not checked"]);
  });

  it("searches each class once, and finds nothing where nothing is left", async () => {
    const { swept, left } = await sweep();
    expect(left).toEqual([]);
    expect(swept.find(({ kind }) => kind === "processes")).toMatchObject({ found: 0, removed: 0 });
    expect(swept.map(({ kind }) => kind).sort()).toEqual([...SHARED_KINDS, ...ACCOUNT_KINDS].sort());
  });

  it("removes nothing of a user who got the UID during the look", async () => {
    const did: unknown[][] = [];
    await expect(sweep({ owner: "dora", did })).rejects.toThrow(`the uid ${UID} belongs to dora`);
    expect(did.map(([what]) => what)).toEqual(["search", "check"]);
  });

  it("looks for open files by UID only, since its devices may be reused", async () => {
    expect((await sweep()).did).toEqual([
      ["search", { devices: undefined, uid: UID, namespaces: [], label: `guest-${SESSION}` }],
      ["check", UID],
      ["sweep", ACCOUNT, DEFAULTS.Sweep],
    ]);
  });

  asRoot("ends what runs as it before anything else", async () => {
    const child = await start("echo ready; exec sleep 60", UID);
    const { swept, did } = await sweep();
    expect(child.signalCode ?? (await once(child, "exit"))[1]).toBe("SIGKILL");
    expect(swept.find(({ kind }) => kind === "processes")).toMatchObject({ found: 1, removed: 1, left: [] });
    expect(did.map(([what]) => what).filter((what, index, all) => what !== all[index - 1])).toEqual([
      "kill",
      "search",
      "check",
      "sweep",
    ]);
  });

  it("names holders of its last session's mounts, or reports that the session is unknown", async () => {
    expect((await sweep({ mounts: [{ pid: 2 ** 30, path: "/mnt" }] })).left).toEqual([
      `mounts: process ${2 ** 30} has /mnt mounted`,
    ]);
    expect((await sweep({ session: "" })).left).toEqual(["mounts: could not be looked at: the session is unknown"]);
  });
});
