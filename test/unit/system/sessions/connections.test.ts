import { spawn, type ChildProcessWithoutNullStreams } from "node:child_process";
import { once } from "node:events";
import {
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Session } from "../../../../src/policy/session.ts";
import { Connections, isClosed, openTerminal, pathOfTerminal } from "../../../../src/system/sessions/connections.ts";
import type { Held } from "../../../../src/system/sessions/held.ts";
import { ALLOCATED_SESSION, ENDING_SESSION, SESSION } from "../../../helpers/samples.ts";

const REMOTE = { ...SESSION, rhost: "192.0.2.7", tty: "ssh" };
const PIDFD = 40;

describe("Connections", () => {
  let proc: string;
  beforeEach(() => {
    proc = mkdtempSync(join(tmpdir(), "proc-"));
  });
  afterEach(() => {
    rmSync(proc, { recursive: true });
  });

  /** Reports lost sessions after one look. @param sockets the leader's descriptors from 3 on */
  const lostOf = (
    sessions: readonly Session[],
    sockets: readonly ("open" | "gone" | "none" | "file" | "fault")[],
    held: Held = { pidfd: PIDFD },
  ) => {
    rmSync(join(proc, "500"), { recursive: true, force: true });
    mkdirSync(join(proc, "500/fd"), { recursive: true });
    for (const [at, state] of sockets.entries())
      symlinkSync(state === "file" ? "/home/user/socket:[1]" : "socket:[1]", join(proc, `500/fd/${at + 3}`));
    const lost: string[] = [];
    const connections = new Connections({
      bindings: {
        lookAtConnection: (pidfd, fd) => {
          expect(pidfd).toBe(PIDFD);
          const state = sockets[fd - 3];
          if (state === "fault" || state === "file") throw new Error("EPERM");
          return state === "none" ? undefined : state;
        },
      },
      holdings: { find: () => held },
      onLost: (id) => lost.push(id),
      proc,
    });
    for (let turn = 0; turn < 10; turn++) connections.look(sessions);
    return lost;
  };

  it("reports that a leader's only connection is gone, once in ten looks, and copies none of its files", () => {
    expect(lostOf([REMOTE], ["file", "none", "gone"])).toEqual(["abc"]);
  });

  it("looks at every session within ten looks, however many there are", () => {
    const sessions = Array.from({ length: 25 }, (_, at) => ({ ...REMOTE, id: `s${at}` }));
    expect(lostOf(sessions, ["gone"]).sort()).toEqual(sessions.map(({ id }) => id).sort());
  });

  it("looks at a session within ten looks, though one before it ends at each", () => {
    mkdirSync(join(proc, "500/fd"), { recursive: true });
    symlinkSync("socket:[1]", join(proc, "500/fd/3"));
    const lost: string[] = [];
    const connections = new Connections({
      bindings: { lookAtConnection: () => "gone" },
      holdings: { find: () => ({ pidfd: PIDFD }) },
      onLost: (id) => lost.push(id),
      proc,
    });
    const sessions = Array.from({ length: 90 }, (_, at) => ({ ...REMOTE, id: `s${at}` }));
    for (let look = 0; look < 10; look++) connections.look(sessions.slice(look, look + 80));
    expect(lost).toEqual(expect.arrayContaining(sessions.slice(9, 80).map(({ id }) => id)));
    expect(new Set(lost).size, "none twice").toBe(lost.length);
  });

  it.each([
    ["while the connection is open", ["open"]],
    ["while one of several is open", ["gone", "open"]],
    ["where there is none", ["none", "file"]],
    ["where the look is denied", ["gone", "fault"]],
  ] as const)("reports nothing %s", (_title, sockets) => {
    expect(lostOf([REMOTE], sockets)).toEqual([]);
  });

  it("reports nothing for a session that is local, not open, or whose leader is not held", () => {
    expect(lostOf([SESSION, ALLOCATED_SESSION, { ...ENDING_SESSION, rhost: "192.0.2.7" }], ["gone"])).toEqual([]);
    expect(lostOf([REMOTE], ["gone"], {})).toEqual([]);
  });

  it("only checks the terminal where there is one", () => {
    const path = join(proc, "terminal");
    writeFileSync(path, "");
    const terminal = openSync(path, "r");
    expect(lostOf([REMOTE], ["gone"], { pidfd: PIDFD, terminal })).toEqual([]);
    unlinkSync(path);
    expect(lostOf([SESSION], ["open"], { pidfd: PIDFD, terminal })).toEqual(["abc"]);
  });

  it("reports a terminal that was closed while no process held it", () => {
    expect(lostOf([SESSION], [], { pidfd: PIDFD, hungUp: true })).toEqual(["abc"]);
  });
});

describe("openTerminal", () => {
  let proc: string;
  let holder: ChildProcessWithoutNullStreams;
  let terminal: string;

  beforeEach(async () => {
    proc = mkdtempSync(join(tmpdir(), "proc-"));
    for (const directory of ["self", "7/fd", "7/fdinfo"]) mkdirSync(join(proc, directory), { recursive: true });
    // A pseudo-terminal that lives as long as this process.
    holder = spawn("script", ["--quiet", "--command", "tty; exec cat", "/dev/null"]);
    const [said] = (await once(holder.stdout, "data")) as [Buffer];
    terminal = said.toString().trim();
  });
  afterEach(async () => {
    holder.kill("SIGKILL");
    await once(holder, "exit");
    rmSync(proc, { recursive: true });
  });

  const mount = (of: string, id: number, type: string) => {
    writeFileSync(join(proc, of, "mountinfo"), `${id} 1 0:23 / /dev/pts rw,nosuid - ${type} ${type} rw\n`);
  };
  /** Gives process 7 the file at its start. */
  const give = (path: string, mountId: number) => {
    symlinkSync(path, join(proc, "7/fd/0"));
    writeFileSync(join(proc, "7/fdinfo/0"), `pos:\t0\nflags:\t02\nmnt_id:\t${mountId}\nino:\t5\n`);
  };
  const isOpened = (pid = 7, root = proc) => {
    const fd = openTerminal({ pid }, root);
    if (fd !== undefined) closeSync(fd);
    return fd !== undefined;
  };

  it.each(["7", "self"])("finds a terminal on a devpts that the process or guestd has mounted (%s)", (of) => {
    mount(of, 32, "devpts");
    give(terminal, 32);
    expect(isOpened()).toBe(true);
  });

  it("asks no other file system, whatever the file is called", () => {
    mount("7", 32, "fuse.sshfs");
    mount("self", 31, "devpts");
    give(terminal, 32);
    expect(isOpened()).toBe(false);
  });

  it("finds none in another file of a devpts, nor for a process that has ended", () => {
    mount("7", 32, "devpts");
    give("/dev/null", 32);
    expect(isOpened()).toBe(false);
    expect(openTerminal({ pid: 8, terminal: "/dev/null" }, proc)).toBeUndefined();
  });

  it("finds the terminal of a process on this machine", () => {
    const children = readFileSync(`/proc/${holder.pid ?? 0}/task/${holder.pid ?? 0}/children`, "utf8");
    expect(isOpened(Number.parseInt(children), "/proc")).toBe(true);
    expect(isOpened(process.pid, proc)).toBe(false);
  });
});

describe("the path of a terminal", () => {
  it("is unknown where it is another kind of file or missing", () => {
    const fd = openSync("/dev/null", "r");
    expect(pathOfTerminal(fd)).toBeUndefined();
    closeSync(fd);
    expect(pathOfTerminal(fd)).toBeUndefined();
  });

  it("that is gone means closed; an unknown one does not", () => {
    expect(isClosed("/dev/pts/4294967295")).toBe(true);
    expect(isClosed("/dev/null")).toBe(false);
    expect(isClosed("/dev/pts/\0")).toBe(false);
    expect(isClosed(undefined)).toBe(false);
  });
});
