// SDDM with the theme that is built into it: the ghost is in the list, and there is no password to type.
import { afterAll, beforeAll, expect, it } from "vitest";
import { describeMachine } from "../helpers/describe-machine.ts";
import { awaitOpen, awaitViews, demandTerms, exitOpenbox, hostView, startDisplayManager } from "../helpers/desktop.ts";
import { awaitReceipt, leftovers, listSessions, unexpectedLines, type GuestSession } from "../helpers/guests.ts";
import { Machine, PASSWORD } from "../helpers/machine.ts";
import { Screen } from "../helpers/screen.ts";
import { waitFor } from "../helpers/wait.ts";

describeMachine("SDDM", (release) => {
  const greeter = release === "bookworm" ? "sddm-greeter" : "sddm-greeter-qt6";
  let machine: Machine;
  let screen: Screen;
  let guest: GuestSession;

  beforeAll(async () => {
    machine = await Machine.boot(release, "desktop");
    screen = new Screen(machine);
    await startDisplayManager(machine, "sddm");
  });
  afterAll(async () => {
    await machine.stop();
  });

  it("lets a guest in who chooses Guest", async () => {
    await screen.awaitGreeter(greeter);
    // In the list alice is the first one, who is chosen, and guest the second one.
    await screen.awaitChange(() => screen.click(794, 400));
    await screen.picture("sddm-greeter");
    await screen.press("Return");
    guest = await awaitOpen(machine);
    expect(guest).toMatchObject({ service: "sddm", user: expect.stringMatching(/^guest-[a-z2-7]{4}$/) as string });
  });

  it("has X session, user manager and bus in one view", async () => {
    const views = await awaitViews(machine, guest.uid, ["openbox", "systemd", "dbus-daemon"]);
    expect(views.size).toBe(1);
    expect(views).not.toContain(await hostView(machine));
    await screen.awaitDesktop();
    await screen.picture("sddm-desktop");
  });

  it("is back with its greeter when the guest has logged out, and nothing is left", async () => {
    await exitOpenbox(screen);
    expect(await awaitReceipt(machine, guest.id)).toMatchObject({ user: guest.user, cause: "logout", left: [] });
    await screen.awaitGreeter(greeter);
    expect(await leftovers(machine)).toBe("");
  });

  it("cannot ask about terms of use: a guest is refused, whatever stands in the field for a password", async () => {
    await demandTerms(machine);
    await screen.awaitChange(() => screen.click(794, 400));
    await screen.type("yes");
    await screen.press("Return");
    const refusals = () => machine.journal("_SYSTEMD_UNIT=guestd.service", "GUEST_ACTION=refuse");
    const [refusal] = await waitFor("the refusal", async () => {
      const found = await refusals();
      return found.length > 0 && found;
    });
    expect(refusal?.["MESSAGE"]).toContain("terms of use");
    expect(await listSessions(machine)).toEqual([]);
    await screen.awaitChange(() => screen.click(638, 380));
  });

  it("asks others for their password, and gives them the host", async () => {
    await screen.type(PASSWORD);
    await screen.press("Return");
    expect(await awaitViews(machine, 1000, ["openbox", "systemd"])).toEqual(new Set([await hostView(machine)]));
    expect(await listSessions(machine)).toEqual([]);
  });

  it("leaves no unexpected line in the journal", async () => {
    expect(await unexpectedLines(machine, /the terms of use/)).toEqual([]);
  });
});
