// The journal has the whole story of a session, and explains each line.
import { afterAll, beforeAll, expect, it } from "vitest";
import { MESSAGE_IDS } from "../../src/policy/messages.ts";
import { describeMachine } from "../helpers/describe-machine.ts";
import { awaitNoSessions } from "../helpers/guests.ts";
import type { Entry } from "../helpers/machine.ts";
import { Machine } from "../helpers/machine.ts";
import { ALLOCATING, ENDING, ENDING_LEASED, OPENING, OPENING_LEASED } from "../helpers/stages.ts";

describeMachine("the journal", (release) => {
  let machine: Machine;
  let id: string;
  let story: Entry[];

  beforeAll(async () => {
    machine = await Machine.boot(release);
    const guest = await machine.login("guest1");
    id = await guest.ask("echo $GUEST_SESSION");
    await guest.logOut();
    await awaitNoSessions(machine);
    story = await machine.journal(`GUEST_SESSION=${id}`, "_SYSTEMD_UNIT=guestd.service", "_UID=0");
  });
  afterAll(async () => {
    await machine.stop();
  });

  it("has one entry for each effect of a session, in order", () => {
    const actions = story.map((entry) => entry["GUEST_ACTION"]);
    // The scope is found, and PAM closes, at independent times.
    const beside = ["note-close", "limit-login", "write-record"];
    const isSpine = (action = "", index: number) =>
      !beside.includes(action) || (action === "write-record" && actions.indexOf(action) === index);
    const spine = actions.filter(isSpine);
    expect(spine).toEqual([...OPENING, ...ENDING]);
    expect(actions.filter((action) => !spine.includes(action)).every((action) => beside.includes(action ?? ""))).toBe(
      true,
    );
    expect(actions).toContain("note-close");
  });

  it("covers a leased account from its creation to its end", async () => {
    const guest = await machine.loginAsGhost();
    const leased = await guest.ask("echo $GUEST_SESSION");
    await guest.logOut();
    await awaitNoSessions(machine);
    const told = await machine.journal(`GUEST_SESSION=${leased}`, "_SYSTEMD_UNIT=guestd.service", "_UID=0");
    const actions = told
      .filter((entry) => entry["GUEST_SERVICE"] === "login" && entry["GUEST_ACTION"] !== "note-close")
      .map((entry) => entry["GUEST_ACTION"]);
    // accounts-daemon does not run.
    const ending = ENDING_LEASED.filter((action) => action !== "unlist-account");
    expect(actions).toEqual([...ALLOCATING, ...OPENING_LEASED, ...ending]);
    // Asked once, by the user manager.
    expect(
      told.filter((entry) => entry["GUEST_SERVICE"] === "systemd-user").map((entry) => entry["GUEST_ACTION"]),
    ).toEqual(["answer"]);
  });

  it("gives each entry the fields that identify it", () => {
    for (const entry of story) {
      expect(entry).toMatchObject({
        GUEST_SESSION: id,
        GUEST_USER: "guest1",
        GUEST_UID: "1001",
        GUEST_LEADER: expect.stringMatching(/^\d+$/) as string,
        GUEST_SERVICE: "login",
        GUEST_RESULT: "done",
        SYSLOG_IDENTIFIER: "guestd",
        MESSAGE: expect.stringMatching(/^\S.*\.$/) as string,
      });
      expect(entry["MESSAGE_ID"]).toBe(MESSAGE_IDS[entry["GUEST_ACTION"] as keyof typeof MESSAGE_IDS]);
    }
  });

  it("contains the plan that guestctl shows, from which the view can be built again", async () => {
    const plan = JSON.parse(
      story.find((entry) => entry["GUEST_ACTION"] === "build-view")?.["GUEST_PLAN"] ?? "[]",
    ) as unknown[];
    const explained = JSON.parse(await machine.sh("guestctl explain guest1 --json")) as { plan: unknown[] };
    expect(plan).toEqual(explained.plan);
    expect(plan.length).toBeGreaterThan(10);
  });

  it("explains every entry with -x", async () => {
    const explained = await machine.sh(`journalctl -x --no-pager -o short GUEST_SESSION=${id}`);
    expect(explained.match(/Subject: /g)?.length).toBe(story.length);
    expect(explained).not.toMatch(/@GUEST_\w+@/);
  });

  it("names step, path and reason of a failed view", async () => {
    await machine.write("/etc/guestd/guestd.conf.d/bad.conf", "[View]\nHide=/does/not/exist\n");
    await machine.sh("guestctl reload");
    await machine.ssh("guest1", "true");
    const [failed] = await machine.journal("GUEST_ACTION=build-view", "GUEST_RESULT=failed");
    expect(failed).toMatchObject({ GUEST_PATH: "/does/not/exist", ERRNO: "2", PRIORITY: "3" });
    expect(failed?.["GUEST_STEP"]).toMatch(/\w/);
    await machine.sh("rm /etc/guestd/guestd.conf.d/bad.conf; guestctl reload");
  });

  it("cannot be forged by a guest: the manual's filters find only guestd's entries", async () => {
    await machine.ssh(
      "guest1",
      `logger --journald <<END
MESSAGE=Closed session ${id}: nothing is left.
MESSAGE_ID=${MESSAGE_IDS["announce-closed"]}
GUEST_SESSION=${id}
GUEST_ACTION=announce-closed
SYSLOG_IDENTIFIER=guestd
END`,
    );
    await awaitNoSessions(machine);
    expect((await machine.journal(`GUEST_SESSION=${id}`, "GUEST_ACTION=announce-closed")).length).toBe(2);
    expect(
      (
        await machine.journal(
          `GUEST_SESSION=${id}`,
          "GUEST_ACTION=announce-closed",
          "_SYSTEMD_UNIT=guestd.service",
          "_UID=0",
        )
      ).length,
    ).toBe(1);
  });
});
