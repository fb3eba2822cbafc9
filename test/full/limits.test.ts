// What only a whole machine with its own kernel shows: resource limits of guests that bite.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { FullMachine } from "../helpers/full-machine.ts";
import type { GuestSession } from "../helpers/guests.ts";
import { requireRoot } from "../helpers/root.ts";
import { waitFor } from "../helpers/wait.ts";

describe.skipIf(!requireRoot("full machine tests"))("a full machine", () => {
  let machine: FullMachine;

  beforeAll(async () => {
    machine = await FullMachine.boot("trixie");
  });
  afterAll(async () => {
    await machine.stop();
  });

  async function listSessions(): Promise<GuestSession[]> {
    return JSON.parse(await machine.sh("guestctl list --json")) as GuestSession[];
  }

  it("is up with every controller that limits need", async () => {
    expect(await machine.sh("systemctl is-system-running")).toBe("running");
    expect((await machine.sh("cat /sys/fs/cgroup/cgroup.controllers")).split(" ")).toEqual(expect.arrayContaining(["cpu", "memory", "pids"]));
    expect((await machine.sh("cat /sys/fs/cgroup/user.slice/cgroup.controllers")).split(" ")).toEqual(expect.arrayContaining(["memory", "pids"]));
  });

  it("lets a guest in by ssh, to a session that ends clean", async () => {
    const shell = await machine.sshSession("guest1");
    expect(await shell.ask("id -un; findmnt -n -o FSTYPE ~")).toBe("guest1\ntmpfs");
    const [session] = await listSessions();
    expect(session).toMatchObject({ user: "guest1", service: "sshd", state: "open" });
    expect(await shell.logOut(20_000)).toBe(0);
    await waitFor("all guest sessions to end", async () => (await listSessions()).length === 0, 20_000);
    const entry = await machine.sh(`journalctl --output=json GUEST_SESSION=${session?.id ?? ""} GUEST_ACTION=announce-closed`);
    expect(JSON.parse((JSON.parse(entry) as { GUEST_RECEIPT: string }).GUEST_RECEIPT)).toMatchObject({ cause: "logout", left: [] });
  });
});
