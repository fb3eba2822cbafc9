// A refusal and terms of use in LightDM's GTK greeter, and the notice on the desktop.
import { afterAll, beforeAll, expect, it } from "vitest";
import { describeMachine } from "../helpers/describe-machine.ts";
import { awaitOpen, demandTerms, exitOpenbox, startDisplayManager } from "../helpers/desktop.ts";
import { awaitReceipt, listSessions, unexpectedLines, type GuestSession } from "../helpers/guests.ts";
import { Machine } from "../helpers/machine.ts";
import { Screen } from "../helpers/screen.ts";

const GREETER = "lightdm-gtk-greeter";
/** The user manager's name of the autostart entry. */
const NOTICE = "app-guestd\\x2dnotice@autostart.service";

describeMachine("a guest in LightDM is told", (release) => {
  let machine: Machine;
  let screen: Screen;
  let guest: GuestSession;

  beforeAll(async () => {
    machine = await Machine.boot(release, "desktop");
    screen = new Screen(machine);
    await startDisplayManager(machine, "lightdm");
  });
  afterAll(async () => {
    await machine.stop();
  });

  /** The look of the greeter after it has refused the ghost for this reason. */
  async function lookAtRefusal(reason: string): Promise<string> {
    await machine.sh(`guestctl disable --reason="${reason}"; systemctl restart lightdm`);
    await screen.awaitGreeter(GREETER);
    await screen.type("guest");
    await screen.awaitChange(() => screen.press("Return"));
    // The area of the sentence, without the field above it and its cursor.
    return screen.lookAt({ x: 0, y: 375, width: 1024, height: 75 });
  }

  it("the reason of a refusal: the greeter shows a different one for another reason", async () => {
    const first = await lookAtRefusal("Closed for exams until Friday");
    await screen.picture("lightdm-refusal");
    expect(await lookAtRefusal("Closed for exams until Monday")).not.toBe(first);
    expect(await lookAtRefusal("Closed for exams until Friday")).toBe(first);
  });

  it("terms of use, and gets in by accepting them", async () => {
    await demandTerms(machine);
    await machine.sh("guestctl enable; systemctl restart lightdm");
    await screen.awaitGreeter(GREETER);
    await screen.type("guest");
    await screen.awaitChange(() => screen.press("Return"));
    await screen.picture("lightdm-terms");
    expect(await listSessions(machine)).toEqual([]);
    await screen.type("yes");
    await screen.press("Return");
    guest = await awaitOpen(machine);
    const [digest = ""] = (await machine.sh("sha256sum /etc/guestd/terms.txt")).split(" ");
    const [opened] = await machine.journal(`GUEST_SESSION=${guest.id}`, "GUEST_ACTION=announce-opened");
    expect(opened).toMatchObject({ GUEST_TERMS: digest });
  });

  it("on the desktop what happens to the files, in a window that stays", async () => {
    await screen.awaitDesktop();
    const runtime = `XDG_RUNTIME_DIR=/run/user/${guest.uid}`;
    const { code } = await machine.run(["env", runtime, "systemctl", "--user", "start", NOTICE], { user: guest.user });
    expect(code).toBe(0);
    await screen.awaitFocus(await machine.sh(`getent passwd ${guest.user} | cut -d: -f5`));
    await screen.picture("lightdm-notice");
    await screen.press("Return");
    await exitOpenbox(screen);
    expect(await awaitReceipt(machine, guest.id)).toMatchObject({ cause: "logout", left: [] });
  });

  it("leaves no unexpected line in the journal", async () => {
    expect(await unexpectedLines(machine, /Guest logins are switched off/)).toEqual([]);
  });
});
