// The test machines boot, accept logins, and leave nothing on the host.
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { afterAll, beforeAll, expect, it } from "vitest";
import { describeMachine } from "../helpers/describe-machine.ts";
import { Machine } from "../helpers/machine.ts";
import { releases } from "../helpers/root.ts";
import type { Snapshot } from "../helpers/snapshot.ts";
import { readProjectFile } from "../helpers/tree.ts";
import { waitFor } from "../helpers/wait.ts";

describeMachine("a test machine", (release) => {
  let machine: Machine;
  let calm: Snapshot;
  beforeAll(async () => {
    machine = await Machine.boot(release);
    calm = await machine.calmSnapshot();
  });
  afterAll(async () => {
    await machine.stop();
  });

  it("is up without a failed unit", async () => {
    expect((await machine.run(["systemctl", "--failed", "--no-legend"])).stdout).toBe("");
    expect(await machine.sh("systemctl is-system-running")).toBe("running");
  });

  it("has the Debian versions that DEPENDENCIES.md names", async () => {
    const [, section = ""] = readProjectFile("DEPENDENCIES.md").split("\n## Debian packages\n");
    const rows = [...section.matchAll(/^\| ([a-z-]+)[^|]* \| ([\d.]+) \| ([\d.]+) \|/gm)].map(
      ([, name = "", old = "", now = ""]) => ({
        name: name.replace("default-dbus-system-bus", "dbus"),
        version: release === "bookworm" ? old : now,
      }),
    );
    expect(rows.length).toBeGreaterThan(5);
    const installed = (
      await machine.sh(`dpkg-query -W -f '\${Package} \${Version}\\n' ${rows.map(({ name }) => name).join(" ")}`)
    ).split("\n");
    for (const { name, version } of rows)
      expect(installed).toContainEqual(expect.stringMatching(`^${name} ${version}[.-]`));
  });

  it("lets alice log in through login, to a logind session with its own scope", async () => {
    const terminal = await machine.login("alice");
    expect(await terminal.ask("id -un; tty | tr -d 0-9; pwd")).toBe("alice\n/dev/pts/\n/home/alice");
    const session = await terminal.ask("echo $XDG_SESSION_ID");
    expect(await machine.sh(`loginctl show-session -P Scope ${session}`)).toBe(`session-${session}.scope`);
    expect(await terminal.ask("cat /proc/self/cgroup")).toContain(`/session-${session}.scope`);
    expect(await terminal.askStatus("printf '%s\\n' \"it's\"; (exit 3)")).toMatchObject({ code: 3, stdout: "it's" });
    expect(await terminal.logOut()).toBe(0);
  });

  it("rejects a wrong password", async () => {
    await expect(machine.login("alice", "wrong")).rejects.toThrow(/Login incorrect/);
  });

  it("passes Ctrl-C on to the program on the terminal", async () => {
    const terminal = await machine.login("alice");
    terminal.send("sh -c 'echo waiting; exec cat'\n");
    await terminal.expect(/waiting\n/);
    await terminal.interrupt();
    expect(await terminal.ask("echo here")).toBe("here");
    await terminal.logOut();
  });

  it("shows the process of a real login, which can be killed", async () => {
    const terminal = await machine.login("alice");
    const session = await terminal.ask("echo $XDG_SESSION_ID");
    const leader = await machine.sh(`loginctl show-session -P Leader ${session}`);
    expect(await machine.sh(`cat /proc/${leader}/comm`)).toBe("login");
    await machine.run(["kill", "-KILL", leader]);
    expect(await terminal.end()).not.toBe(0);
  });

  it("lets alice in by ssh with a key, with a password, and to an interactive shell", async () => {
    expect(await machine.ssh("alice", "id -un; cat", { input: "typed" })).toEqual({
      code: 0,
      stdout: "alice\ntyped",
      stderr: "",
    });
    expect(await machine.ssh("alice", "exit 7", { password: true })).toMatchObject({ code: 7 });
    const terminal = await machine.sshSession("alice");
    expect(await terminal.ask("tty")).toMatch(/^\/dev\/pts\//);
    expect(await terminal.ask("loginctl show-session -P Service $XDG_SESSION_ID")).toBe("sshd");
    expect(await terminal.logOut()).toBe(0);
  });

  it("runs commands as an account without a session", async () => {
    expect((await machine.run(["id"], { user: "guest4" })).stdout).toMatch(/^uid=1004\(guest4\) gid=\d+\(guests\)/);
    expect((await machine.run(["id", "-Gn"], { user: "guest1" })).stdout).toMatch(/ guests\n$/);
    expect(await machine.run(["sh", "-c", "echo out; echo err >&2; exit 5"])).toEqual({
      code: 5,
      stdout: "out\n",
      stderr: "err\n",
    });
  });

  it("returns its journal as entries", async () => {
    await machine.run(["logger", "-t", "smoke", "a line"]);
    expect(await machine.journal("SYSLOG_IDENTIFIER=smoke")).toMatchObject([{ MESSAGE: "a line", _UID: "0" }]);
  });

  it("is calm again after the logins, and shows what a guest leaves behind", async () => {
    // logind keeps a user for 10 s after the last session.
    expect(await machine.snapshotLike(calm)).toEqual(calm);
    await machine.run(["sh", "-c", "touch /tmp/left; ipcmk -Q; setsid sleep 1000 >/dev/null 2>&1 </dev/null &"], {
      user: "guest1",
    });
    const after = await waitFor("the orphan", async () => {
      const look = await machine.snapshot();
      return look.processes.includes("1001 sleep") && look;
    });
    expect(after.files.filter((file) => !calm.files.includes(file))).toEqual(["/tmp/left 1001"]);
    expect(after.ipc).toEqual(["msg 1001"]);
    await machine.sh("pkill -u guest1; rm /tmp/left; ipcrm --all");
    expect(await machine.snapshotLike(calm)).toEqual(calm);
  });
});

describeMachine("test machines", () => {
  it("run in parallel and leave nothing on the host", async () => {
    const mounts = hostMounts();
    const two = await Promise.all(releases.map((release) => Machine.boot(release)));
    const pids = two.map(({ pid }) => pid);
    expect(await Promise.all(two.map((machine) => machine.sh("systemctl is-system-running")))).toEqual([
      "running",
      "running",
    ]);
    expect(hostMounts()).toBe(mounts);
    await Promise.all(two.map((machine) => machine.stop()));
    expect(pids.filter((pid) => existsSync(`/proc/${pid}`))).toEqual([]);
    expect(hostMounts()).toBe(mounts);
  });
});

function hostMounts(): string {
  return execFileSync("cat", ["/proc/self/mountinfo"], { encoding: "utf8" });
}
