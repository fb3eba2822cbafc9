// Two guests at one seat, in LightDM: one switches to the greeter, and another logs in there. The X server of one
// crashes.
import { afterAll, beforeAll, expect, it } from "vitest";
import { describeMachine } from "../helpers/describe-machine.ts";
import { awaitOpen, awaitViews, exitOpenbox, hideUsers, hostView, startDisplayManager } from "../helpers/desktop.ts";
import { awaitReceipt, leftovers, listSessions, unexpectedLines, type GuestSession } from "../helpers/guests.ts";
import { Machine } from "../helpers/machine.ts";
import { Screen } from "../helpers/screen.ts";
import { waitFor } from "../helpers/wait.ts";

const GREETER = "lightdm-gtk-greeter";
const PROGRAMS = ["openbox", "systemd", "dbus-daemon"];
const SWITCH = "XDG_SEAT_PATH=/org/freedesktop/DisplayManager/Seat0 dm-tool";

describeMachine("two guests at one seat", (release) => {
  let machine: Machine;
  let screen: Screen;
  let first: GuestSession;
  let second: GuestSession;

  beforeAll(async () => {
    machine = await Machine.boot(release, "desktop");
    screen = new Screen(machine);
    await hideUsers(machine);
    await startDisplayManager(machine, "lightdm");
    await screen.awaitGreeter(GREETER);
  });
  afterAll(async () => {
    await machine.stop();
  });

  it("have two accounts and two views", async () => {
    await machine.sh(`${SWITCH} switch-to-guest`);
    first = await awaitOpen(machine);
    await screen.awaitDesktop();
    await machine.sh(`${SWITCH} switch-to-greeter`);
    await screen.awaitGreeter(GREETER);
    await screen.type("guest");
    await screen.press("Return");
    second = await waitFor("the second guest", async () => {
      await screen.click(580, 410);
      return (await listSessions(machine)).find(({ id, state }) => id !== first.id && state === "open");
    });
    const views = await Promise.all([first, second].map(({ uid }) => awaitViews(machine, uid, PROGRAMS)));
    expect(views.map(({ size }) => size)).toEqual([1, 1]);
    expect(new Set([...views.flatMap((view) => [...view]), await hostView(machine)]).size).toBe(3);
  });

  it("end separately: one continues when the other has logged out", async () => {
    await exitOpenbox(screen);
    expect(await awaitReceipt(machine, second.id)).toMatchObject({ cause: "logout", left: [] });
    expect(await listSessions(machine)).toMatchObject([{ id: first.id, state: "open" }]);
  });

  it("are gone when the X server of the last one has crashed: the greeter is back, and nothing is left", async () => {
    const display = await machine.sh(
      `tr '\\0' '\\n' </proc/$(pgrep -x -u ${first.uid} openbox)/environ | sed -n s/^DISPLAY=//p`,
    );
    await machine.sh(`pkill -9 -f '^/usr/bin/Xvfb .* ${display} '`);
    expect(await awaitReceipt(machine, first.id)).toMatchObject({ user: first.user, left: [] });
    await screen.awaitGreeter(GREETER);
    expect(await leftovers(machine)).toBe("");
  });

  it("leave no unexpected line in the journal", async () => {
    expect(await unexpectedLines(machine)).toEqual([]);
  });
});
