// SDDM with its built-in theme lists the ghost, who types no password.
import { beforeAll, expect, it } from "vitest";
import { describeDesktop } from "../helpers/describe-desktop.ts";
import {
  awaitOpen,
  awaitViews,
  demandTerms,
  exitOpenbox,
  findName,
  hostView,
  startDisplayManager,
} from "../helpers/desktop.ts";
import { awaitReceipt, leftovers, listSessions, unexpectedLines, type GuestSession } from "../helpers/guests.ts";
import { PASSWORD } from "../helpers/machine.ts";
import { waitFor } from "../helpers/wait.ts";

describeDesktop("SDDM", (at) => {
  const greeter = at.release === "bookworm" ? "sddm-greeter" : "sddm-greeter-qt6";
  let guest: GuestSession;

  beforeAll(async () => {
    await startDisplayManager(at.machine, "sddm");
  });

  async function awaitRefusal(user: string): Promise<Readonly<Record<string, unknown>>> {
    const match = ["_SYSTEMD_UNIT=guestd.service", "GUEST_ACTION=refuse", `GUEST_USER=${user}`];
    return waitFor("the refusal", async () => (await at.machine.journal(...match))[0]);
  }

  /** Each message about a login is one line. */
  async function awaitTold(what: RegExp): Promise<void> {
    await waitFor("what the greeter is told", async () => {
      const lines = (await at.machine.journal("-t", greeter)).map(({ MESSAGE = "" }) => MESSAGE.replaceAll("\n", " "));
      return what.test(lines.filter((line) => /Information Message|LoginFailed/.test(line)).join("\n"));
    });
  }

  it("lets in a guest who chooses Guest", async () => {
    await at.screen.awaitGreeter(greeter);
    // In the list, alice is first and selected. guest is second.
    await at.screen.awaitChange(() => at.screen.click(794, 400));
    await at.screen.picture("sddm-greeter");
    await at.screen.press("Return");
    guest = await awaitOpen(at.machine);
    expect(guest).toMatchObject({ service: "sddm", user: expect.stringMatching(/^guest-[a-z2-7]{4}$/) as string });
  });

  it("has X session, user manager and bus in one view", async () => {
    const views = await awaitViews(at.machine, guest.uid, ["openbox", "systemd", "dbus-daemon"]);
    expect(views.size).toBe(1);
    expect(views).not.toContain(await hostView(at.machine));
    await at.screen.awaitDesktop();
    await at.screen.picture("sddm-desktop");
  });

  it("is back with its greeter when the guest has logged out, and nothing is left, not even a name", async () => {
    await exitOpenbox(at.screen);
    expect(await awaitReceipt(at.machine, guest.id)).toMatchObject({ user: guest.user, cause: "logout", left: [] });
    await at.screen.awaitGreeter(greeter);
    expect(await leftovers(at.machine)).toBe("");
    expect(await findName(at.machine, guest.user)).toEqual([]);
  });

  it("is back when the X server has crashed, and nothing is left", async () => {
    await at.screen.awaitChange(() => at.screen.click(794, 400));
    await at.screen.press("Return");
    const { id } = await awaitOpen(at.machine);
    await at.screen.awaitDesktop();
    await at.machine.sh("pkill -KILL -x Xvfb");
    expect(await awaitReceipt(at.machine, id)).toMatchObject({ left: [] });
    const isBack = async () => (await at.machine.run(["pgrep", "-u", "sddm", "-f", `/${greeter} `])).code === 0;
    await waitFor("the greeter", isBack);
    expect(await leftovers(at.machine)).toBe("");
    // SDDM 0.21 may have started two X servers: docs/desktops.md.
    await at.machine.sh("systemctl restart sddm");
    await at.screen.awaitGreeter(greeter);
  });

  it("cannot ask about terms of use: a guest is refused, whatever is in the password field", async () => {
    await demandTerms(at.machine);
    await at.screen.awaitChange(() => at.screen.click(794, 400));
    await at.screen.type("yes");
    await at.screen.press("Return");
    expect((await awaitRefusal("guest"))["MESSAGE"]).toContain("terms of use");
    expect(await listSessions(at.machine)).toEqual([]);
    // Until then it accepts no other login.
    await awaitTold(/LoginFailed/);
    await at.screen.awaitChange(() => at.screen.click(638, 380));
  });

  it("asks other users for their password, and gives them the host", async () => {
    await at.screen.type(PASSWORD);
    await at.screen.press("Return");
    expect(await awaitViews(at.machine, 1000, ["openbox", "systemd"])).toEqual(new Set([await hostView(at.machine)]));
    expect(await listSessions(at.machine)).toEqual([]);
  });

  it("does not show Guest while guests are switched off", async () => {
    await at.machine.sh("guestctl disable; systemctl restart sddm");
    await at.screen.awaitGreeter(greeter);
    // Now guest1 is second. As a guest by group they get this message.
    await at.screen.awaitChange(() => at.screen.click(794, 400));
    await at.screen.picture("sddm-without-guest");
    await at.screen.awaitChange(() => at.screen.press("Return"));
    await at.screen.picture("sddm-refusal");
    expect(await awaitRefusal("guest1")).toMatchObject({ GUEST_SERVICE: "sddm" });
  });

  // An older SDDM shows no message.
  if (at.release !== "bookworm")
    it("shows why a guest is refused, and reports the failed login only after a while", async () => {
      await awaitTold(/switched off[^\n]*\n[^\n]*"Authentication failure"\n.*LoginFailed/);
    });

  it("leaves no unexpected line in the journal", async () => {
    expect(await unexpectedLines(at.machine, /the terms of use|Guest logins are switched off/)).toEqual([]);
  });
});
