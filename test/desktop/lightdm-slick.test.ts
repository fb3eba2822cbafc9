// LightDM with its slick greeter: the guest session is in its list, and a refused guest reads why.
import { afterAll, beforeAll, expect, it } from "vitest";
import { describeMachine } from "../helpers/describe-machine.ts";
import { awaitOpen, awaitViews, exitOpenbox, findName, hostView, startDisplayManager } from "../helpers/desktop.ts";
import { awaitReceipt, leftovers, unexpectedLines, type GuestSession } from "../helpers/guests.ts";
import { Machine } from "../helpers/machine.ts";
import { Screen } from "../helpers/screen.ts";

const GREETER = "slick-greeter";

describeMachine("LightDM's slick greeter", (release) => {
  let machine: Machine;
  let screen: Screen;
  let guest: GuestSession;

  beforeAll(async () => {
    machine = await Machine.boot(release, "desktop");
    screen = new Screen(machine);
    await configure();
    await startDisplayManager(machine, "lightdm");
  });
  afterAll(async () => {
    await machine.stop();
  });

  const configure = (...lines: readonly string[]) =>
    machine.write(
      "/etc/lightdm/lightdm.conf.d/90-test.conf",
      ["[Seat:*]", `greeter-session=${GREETER}`, ...lines, ""].join("\n"),
    );
  const clickLogIn = () => screen.click(270, 411);

  it("lets in a guest who chooses the guest session without a question", async () => {
    await screen.awaitGreeter(GREETER);
    await screen.awaitCalm();
    // Besides alice there are four guests by group.
    await screen.press("Down", "Down", "Down", "Down", "Down");
    await screen.awaitCalm();
    await screen.picture("slick-guest-session");
    guest = await awaitOpen(machine, clickLogIn);
    expect(guest).toMatchObject({
      service: "lightdm-guest",
      user: expect.stringMatching(/^guest-[a-z2-7]{4}$/) as string,
    });
    const views = await awaitViews(machine, guest.uid, ["openbox", "systemd", "dbus-daemon"]);
    expect(views.size).toBe(1);
    expect(views).not.toContain(await hostView(machine));
  });

  it("is back when the guest has logged out, and nothing is left, not even a name", async () => {
    await exitOpenbox(screen);
    expect(await awaitReceipt(machine, guest.id)).toMatchObject({ user: guest.user, cause: "logout", left: [] });
    await screen.awaitGreeter(GREETER);
    expect(await leftovers(machine)).toBe("");
    expect(await findName(machine, guest.user)).toEqual([]);
  });

  /** The look of the greeter after it has refused the ghost for this reason. */
  async function lookAtRefusal(reason: string): Promise<string> {
    await machine.sh(`guestctl disable --reason="${reason}"; systemctl restart lightdm`);
    await screen.awaitGreeter(GREETER);
    await screen.awaitCalm();
    await screen.type("guest");
    await screen.awaitChange(() => screen.press("Return"));
    // The area of the sentence, without the field below it and its cursor.
    return screen.lookAt({ x: 90, y: 380, width: 370, height: 90 });
  }

  it("shows a guest who types a name the whole reason of a refusal", async () => {
    await configure("greeter-hide-users=true", "greeter-show-manual-login=true", "allow-guest=false");
    const first = await lookAtRefusal("Closed for exams until Friday");
    await screen.picture("slick-refusal");
    expect(await lookAtRefusal("Closed for exams until Monday")).not.toBe(first);
    expect(await lookAtRefusal("Closed for exams until Friday")).toBe(first);
  });

  it("leaves no unexpected line in the journal", async () => {
    expect(await unexpectedLines(machine, /Guest logins are switched off/)).toEqual([]);
  });
});
