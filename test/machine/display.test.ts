// Display managers by their own PAM stacks, as Debian ships them: the ghost gets an account there as well.
// Without the programs: pamtester makes the same calls.
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { describeMachine } from "../helpers/describe-machine.ts";
import { awaitNoSessions, awaitReceipt, leftovers, listSessions, unexpectedLines } from "../helpers/guests.ts";
import { Machine } from "../helpers/machine.ts";

const STACKS = ["gdm-password", "greetd", "lightdm", "sddm"];
const CALLS = ["authenticate", "acct_mgmt", "open_session", "close_session"];

describeMachine("a login through a display manager", (release) => {
  let machine: Machine;

  beforeAll(async () => {
    machine = await Machine.boot(release);
    // Without its own stack a service has that of "other", which would do as well.
    await machine.sh(`cd /etc/pam.d; ls ${STACKS.join(" ")} >/dev/null; guestctl status`);
  });
  afterEach(async ({ task }) => {
    if (task.result?.state === "fail")
      for (const { id } of await listSessions(machine)) await machine.run(["guestctl", "end", id]);
    await awaitNoSessions(machine);
    expect(await leftovers(machine)).toBe("");
  });
  afterAll(async () => {
    await machine.stop();
  });

  const entriesOf = (service: string, action: string) =>
    machine.journal("_SYSTEMD_UNIT=guestd.service", `GUEST_ACTION=${action}`, `GUEST_SERVICE=${service}`);

  describe.each(STACKS)("%s", (service) => {
    it("gives the ghost an account, asks for nothing, and goes on as that account", async () => {
      const greeter = machine.terminal(["pamtester", "-v", "-I", "tty=tty7", service, "guest", ...CALLS]);
      expect([await greeter.end(20_000), greeter.transcript]).toEqual([0, expect.not.stringContaining("Password:")]);
      expect(greeter.transcript).toMatch(
        /account management done.*\n(.*\n)*.*successfully opened a session\n(.*\n)*.*session has successfully been closed/,
      );
      const opened = await entriesOf(service, "announce-opened");
      expect(opened).toHaveLength(1);
      const { GUEST_SESSION: id = "", GUEST_USER: user = "", GUEST_UID: uid = "" } = opened[0] ?? {};
      expect(`${user} ${uid}`).toMatch(/^guest-[a-z2-7]{4} \d{5}$/);
      // What PAM_USER is for the modules after ours.
      const told = (await machine.journal("SYSLOG_IDENTIFIER=pamtester")).map((entry) => entry["MESSAGE"] ?? "");
      expect(told).toContainEqual(
        expect.stringContaining(`pam_unix(${service}:session): session opened for user ${user}(uid=${uid})`),
      );
      expect(await awaitReceipt(machine, id)).toMatchObject({ user, leased: true, cause: "logout", left: [] });
    });

    it("shares the host's IPC with the X server that it names, and where it names none has its own", async () => {
      const planOf = async (...items: string[]) => {
        const options = items.flatMap((item) => ["-I", item]);
        const greeter = machine.terminal(["pamtester", ...options, service, "guest", ...CALLS]);
        expect(await greeter.end(20_000)).toBe(0);
        return (await entriesOf(service, "build-view")).at(-1)?.["GUEST_PLAN"];
      };
      expect(await planOf("tty=tty7")).toContain('"mqueue"');
      const atDisplay = await planOf("tty=:0");
      // Of GDM it is that of the greeter.
      if (service === "gdm-password") expect(atDisplay).toContain('"mqueue"');
      else expect(atDisplay).not.toContain('"mqueue"');
    });

    it("asks somebody from afar for a password", async () => {
      const greeter = machine.terminal(["pamtester", "-I", "tty=tty7", "-I", "rhost=far", service, "guest", ...CALLS]);
      await greeter.expect(/Password: /);
      greeter.hangUp();
      expect(await entriesOf(service, "announce-opened")).toHaveLength(3);
    });

    it("opens a session for somebody who is no guest, of which guestd never hears", async () => {
      const greeter = machine.terminal(["pamtester", "-I", "tty=tty7", service, "alice", ...CALLS]);
      await greeter.expect(/Password: /);
      greeter.send("secret\n");
      expect(await greeter.end(20_000)).toBe(0);
      expect(
        (await machine.journal("_SYSTEMD_UNIT=guestd.service")).filter((entry) =>
          (entry["MESSAGE"] ?? "").includes("alice"),
        ),
      ).toEqual([]);
    });
  });

  it("leaves no unexpected line in the journal", async () => {
    expect(await unexpectedLines(machine)).toEqual([]);
  });
});
