// Two guests at one seat, in LightDM: one switches to the greeter, and the other logs in there.
import { beforeAll, expect, it } from "vitest";
import { describeDesktop } from "../helpers/describe-desktop.ts";
import { awaitOpen, awaitViews, exitOpenbox, hideUsers, hostView, startDisplayManager } from "../helpers/desktop.ts";
import { awaitReceipt, leftovers, listSessions, unexpectedLines, type GuestSession } from "../helpers/guests.ts";
import { waitFor } from "../helpers/wait.ts";

const GREETER = "lightdm-gtk-greeter";
const PROGRAMS = ["openbox", "systemd", "dbus-daemon"];
const SWITCH = "XDG_SEAT_PATH=/org/freedesktop/DisplayManager/Seat0 dm-tool";

describeDesktop("two guests at one seat", (at) => {
  let first: GuestSession;
  let second: GuestSession;

  beforeAll(async () => {
    await hideUsers(at.machine);
    await startDisplayManager(at.machine, "lightdm");
    await at.screen.awaitGreeter(GREETER);
  });

  it("have two accounts and two views", async () => {
    await at.machine.sh(`${SWITCH} switch-to-guest`);
    first = await awaitOpen(at.machine);
    await at.screen.awaitDesktop();
    await at.machine.sh(`${SWITCH} switch-to-greeter`);
    await at.screen.awaitGreeter(GREETER);
    await at.screen.type("guest");
    await at.screen.press("Return");
    second = await waitFor("the second guest", async () => {
      await at.screen.click(580, 410);
      return (await listSessions(at.machine)).find(({ id, state }) => id !== first.id && state === "open");
    });
    const views = await Promise.all([first, second].map(({ uid }) => awaitViews(at.machine, uid, PROGRAMS)));
    expect(views.map(({ size }) => size)).toEqual([1, 1]);
    expect(new Set([...views.flatMap((view) => [...view]), await hostView(at.machine)]).size).toBe(3);
  });

  it("end separately: one continues when the other has logged out", async () => {
    await exitOpenbox(at.screen);
    expect(await awaitReceipt(at.machine, second.id)).toMatchObject({ cause: "logout", left: [] });
    expect(await listSessions(at.machine)).toMatchObject([{ id: first.id, state: "open" }]);
  });

  it("are gone when the X server of the last one has crashed: the greeter is back, and nothing is left", async () => {
    const display = await at.machine.sh(
      `tr '\\0' '\\n' </proc/$(pgrep -x -u ${first.uid} openbox)/environ | sed -n s/^DISPLAY=//p`,
    );
    await at.machine.sh(`pkill -9 -f '^/usr/bin/Xvfb .* ${display} '`);
    expect(await awaitReceipt(at.machine, first.id)).toMatchObject({ user: first.user, left: [] });
    await at.screen.awaitGreeter(GREETER);
    expect(await leftovers(at.machine)).toBe("");
  });

  it("leave no unexpected line in the journal", async () => {
    expect(await unexpectedLines(at.machine)).toEqual([]);
  });
});
