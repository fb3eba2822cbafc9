// What LightDM's GTK greeter tells guests, and the notice on the desktop.
import { beforeAll, expect, it } from "vitest";
import { describeDesktop } from "../helpers/describe-desktop.ts";
import { awaitOpen, demandTerms, exitOpenbox, startDisplayManager } from "../helpers/desktop.ts";
import { awaitReceipt, listSessions, unexpectedLines, type GuestSession } from "../helpers/guests.ts";

const GREETER = "lightdm-gtk-greeter";
/** The user manager's name of the autostart entry. */
const NOTICE = "app-guestd\\x2dnotice@autostart.service";

describeDesktop("a guest in LightDM is told", (at) => {
  let guest: GuestSession;

  beforeAll(async () => {
    await startDisplayManager(at.machine, "lightdm");
  });

  /** The greeter after it has refused the ghost for this reason. */
  async function lookAtRefusal(reason: string): Promise<string> {
    await at.machine.sh(`guestctl disable --reason="${reason}"; systemctl restart lightdm`);
    await at.screen.awaitGreeter(GREETER);
    await at.screen.type("guest");
    await at.screen.awaitChange(() => at.screen.press("Return"));
    // The sentence, without the field above it and its cursor.
    return at.screen.lookAt({ x: 0, y: 375, width: 1024, height: 75 });
  }

  it("the reason of a refusal: the greeter shows a different one for another reason", async () => {
    const first = await lookAtRefusal("Closed for exams until Friday");
    await at.screen.picture("lightdm-refusal");
    expect(await lookAtRefusal("Closed for exams until Monday")).not.toBe(first);
    expect(await lookAtRefusal("Closed for exams until Friday")).toBe(first);
  });

  it("terms of use, and gets in by accepting them", async () => {
    await demandTerms(at.machine);
    await at.machine.sh("guestctl enable; systemctl restart lightdm");
    await at.screen.awaitGreeter(GREETER);
    await at.screen.type("guest");
    await at.screen.awaitChange(() => at.screen.press("Return"));
    await at.screen.picture("lightdm-terms");
    expect(await listSessions(at.machine)).toEqual([]);
    await at.screen.type("yes");
    await at.screen.press("Return");
    guest = await awaitOpen(at.machine);
    const [digest = ""] = (await at.machine.sh("sha256sum /etc/guestd/terms.txt")).split(" ");
    const [opened] = await at.machine.journal(`GUEST_SESSION=${guest.id}`, "GUEST_ACTION=announce-opened");
    expect(opened).toMatchObject({ GUEST_TERMS: digest });
  });

  it("on the desktop what happens to the files, in a window that stays", async () => {
    await at.screen.awaitDesktop();
    const runtime = `XDG_RUNTIME_DIR=/run/user/${guest.uid}`;
    const { code } = await at.machine.run(["env", runtime, "systemctl", "--user", "start", NOTICE], {
      user: guest.user,
    });
    expect(code).toBe(0);
    await at.screen.awaitFocus(await at.machine.sh(`getent passwd ${guest.user} | cut -d: -f5`));
    await at.screen.picture("lightdm-notice");
    await at.screen.press("Return");
    await exitOpenbox(at.screen);
    expect(await awaitReceipt(at.machine, guest.id)).toMatchObject({ cause: "logout", left: [] });
  });

  it("leaves no unexpected line in the journal", async () => {
    expect(await unexpectedLines(at.machine, /Guest logins are switched off/)).toEqual([]);
  });
});
