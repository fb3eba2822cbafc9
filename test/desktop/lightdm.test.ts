// LightDM with its GTK greeter, as Debian ships both: the ghost's name is typed, without a password.
import { afterAll, beforeAll, expect, it } from "vitest";
import { describeMachine } from "../helpers/describe-machine.ts";
import {
  askBeside,
  awaitOpen,
  awaitViews,
  exitOpenbox,
  findName,
  hideUsers,
  hostView,
  startDisplayManager,
} from "../helpers/desktop.ts";
import { awaitReceipt, leftovers, listSessions, unexpectedLines, type GuestSession } from "../helpers/guests.ts";
import { Machine, PASSWORD } from "../helpers/machine.ts";
import { Screen } from "../helpers/screen.ts";
import { waitFor } from "../helpers/wait.ts";

const GREETER = "lightdm-gtk-greeter";

describeMachine("LightDM", (release) => {
  let machine: Machine;
  let screen: Screen;
  let guest: GuestSession;

  beforeAll(async () => {
    machine = await Machine.boot(release, "desktop");
    screen = new Screen(machine);
    await hideUsers(machine);
    await startDisplayManager(machine, "lightdm");
    await machine.sh("touch /tmp/.X11-unix/X99");
  });
  afterAll(async () => {
    await machine.stop();
  });

  // The place of the button without a password field; before that there is nothing. The greeter would send a click on
  // the button to LightDM as the answer to a question that PAM has not asked, and the login would hang.
  const clickLogIn = () => screen.click(580, 410);

  it("lets in a guest who types a name and clicks", async () => {
    await screen.awaitGreeter(GREETER);
    await screen.picture("lightdm-greeter");
    await screen.type("guest");
    await screen.press("Return");
    guest = await awaitOpen(machine, clickLogIn);
    expect(guest).toMatchObject({ service: "lightdm", user: expect.stringMatching(/^guest-[a-z2-7]{4}$/) as string });
  });

  it("has X session, user manager and bus in one view", async () => {
    const views = await awaitViews(machine, guest.uid, ["openbox", "systemd", "dbus-daemon"]);
    expect(views.size).toBe(1);
    expect(views).not.toContain(await hostView(machine));
    await screen.awaitDesktop();
    await screen.picture("lightdm-desktop");
  });

  const isListed = async () => {
    const call =
      "busctl call org.freedesktop.Accounts /org/freedesktop/Accounts org.freedesktop.Accounts ListCachedUsers";
    return (await machine.sh(call)).includes(`/User${guest.uid}"`);
  };

  it("lists the account in the greeter, under its real name", async () => {
    const tail = guest.user.replace("guest-", "");
    expect(await machine.sh(`getent passwd ${guest.user} | cut -d: -f5`)).toBe(`Guest ${tail}`);
    await waitFor("greeters to list it", isListed);
  });

  it("shows only the socket of its own display, also without a network", async () => {
    const ask = (script: string) => askBeside(machine, guest.uid, "openbox", script);
    expect(await ask('echo "$DISPLAY"; ls /tmp/.X11-unix')).toMatch(/^:(\d+)\nX\1$/);
    const look = "unshare --user --map-root-user --net xprop -root _NET_SUPPORTING_WM_CHECK";
    expect(await ask(look)).toContain("window id");
  });

  it("is back with its greeter when the guest has logged out, and nothing is left, not even a name", async () => {
    await exitOpenbox(screen);
    expect(await awaitReceipt(machine, guest.id)).toMatchObject({ user: guest.user, cause: "logout", left: [] });
    await screen.awaitGreeter(GREETER);
    expect(await leftovers(machine)).toBe("");
    await waitFor("greeters to forget the account", async () => !(await isListed()));
    expect(await findName(machine, guest.user)).toEqual([]);
  });

  it("asks other users for their password, and gives them the host", async () => {
    const countPrompts = () => machine.sh("grep -c 'Prompt greeter' /var/log/lightdm/lightdm.log");
    const before = await countPrompts();
    await screen.type("alice");
    await screen.press("Return");
    await waitFor("the question for a password", async () => (await countPrompts()) !== before);
    await screen.type(PASSWORD);
    await screen.press("Return");
    expect(await awaitViews(machine, 1000, ["openbox", "systemd"])).toEqual(new Set([await hostView(machine)]));
    expect(await listSessions(machine)).toEqual([]);
  });

  it("leaves no unexpected line in the journal", async () => {
    expect(await unexpectedLines(machine)).toEqual([]);
  });
});
