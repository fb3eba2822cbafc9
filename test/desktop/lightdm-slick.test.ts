// LightDM's slick greeter lists the guest session, and shows why a guest is refused.
import { beforeAll, expect, it } from "vitest";
import { describeDesktop } from "../helpers/describe-desktop.ts";
import { awaitOpen, awaitViews, exitOpenbox, findName, hostView, startDisplayManager } from "../helpers/desktop.ts";
import { awaitReceipt, leftovers, unexpectedLines, type GuestSession } from "../helpers/guests.ts";

const GREETER = "slick-greeter";

describeDesktop("LightDM's slick greeter", (at) => {
  let guest: GuestSession;

  beforeAll(async () => {
    await configure();
    await startDisplayManager(at.machine, "lightdm");
  });

  const configure = (...lines: readonly string[]) =>
    at.machine.write(
      "/etc/lightdm/lightdm.conf.d/90-test.conf",
      ["[Seat:*]", `greeter-session=${GREETER}`, ...lines, ""].join("\n"),
    );
  const clickLogIn = () => at.screen.click(270, 411);

  it("lets in a guest who chooses the guest session without a question", async () => {
    await at.screen.awaitGreeter(GREETER);
    await at.screen.awaitCalm();
    // Besides alice there are four guests by group.
    await at.screen.press("Down", "Down", "Down", "Down", "Down");
    await at.screen.awaitCalm();
    await at.screen.picture("slick-guest-session");
    guest = await awaitOpen(at.machine, clickLogIn);
    expect(guest).toMatchObject({
      service: "lightdm-guest",
      user: expect.stringMatching(/^guest-[a-z2-7]{4}$/) as string,
    });
    const views = await awaitViews(at.machine, guest.uid, ["openbox", "systemd", "dbus-daemon"]);
    expect(views.size).toBe(1);
    expect(views).not.toContain(await hostView(at.machine));
  });

  it("is back when the guest has logged out, and nothing is left, not even a name", async () => {
    await exitOpenbox(at.screen);
    expect(await awaitReceipt(at.machine, guest.id)).toMatchObject({ user: guest.user, cause: "logout", left: [] });
    await at.screen.awaitGreeter(GREETER);
    expect(await leftovers(at.machine)).toBe("");
    expect(await findName(at.machine, guest.user)).toEqual([]);
  });

  /** The greeter after it has refused the ghost for this reason. */
  async function lookAtRefusal(reason: string): Promise<string> {
    await at.machine.sh(`guestctl disable --reason="${reason}"; systemctl restart lightdm`);
    await at.screen.awaitGreeter(GREETER);
    await at.screen.awaitCalm();
    await at.screen.type("guest");
    await at.screen.awaitChange(() => at.screen.press("Return"));
    // The sentence, without the field below it and its cursor.
    return at.screen.lookAt({ x: 90, y: 380, width: 370, height: 90 });
  }

  it("shows a guest who types a name the whole reason of a refusal", async () => {
    await configure("greeter-hide-users=true", "greeter-show-manual-login=true", "allow-guest=false");
    const first = await lookAtRefusal("Closed for exams until Friday");
    await at.screen.picture("slick-refusal");
    expect(await lookAtRefusal("Closed for exams until Monday")).not.toBe(first);
    expect(await lookAtRefusal("Closed for exams until Friday")).toBe(first);
  });

  it("leaves no unexpected line in the journal", async () => {
    expect(await unexpectedLines(at.machine, /Guest logins are switched off/)).toEqual([]);
  });
});
