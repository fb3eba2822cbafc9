// LightDM with its GTK greeter, as Debian ships both: the ghost types its name, without a password.
import { beforeAll, expect, it } from "vitest";
import { describeDesktop } from "../helpers/describe-desktop.ts";
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
import { PASSWORD } from "../helpers/machine.ts";
import { waitFor } from "../helpers/wait.ts";

const GREETER = "lightdm-gtk-greeter";

describeDesktop("LightDM", (at) => {
  let guest: GuestSession;

  beforeAll(async () => {
    await hideUsers(at.machine);
    await startDisplayManager(at.machine, "lightdm");
    await at.machine.sh("touch /tmp/.X11-unix/X99");
  });

  // The button's place without a password field. Before, nothing is there: a click on the button would answer a
  // question that PAM has not asked, and the login would hang.
  const clickLogIn = () => at.screen.click(580, 410);

  it("lets in a guest who types a name and clicks", async () => {
    await at.screen.awaitGreeter(GREETER);
    await at.screen.picture("lightdm-greeter");
    await at.screen.type("guest");
    await at.screen.press("Return");
    guest = await awaitOpen(at.machine, clickLogIn);
    expect(guest).toMatchObject({ service: "lightdm", user: expect.stringMatching(/^guest-[a-z2-7]{4}$/) as string });
  });

  it("has X session, user manager and bus in one view", async () => {
    const views = await awaitViews(at.machine, guest.uid, ["openbox", "systemd", "dbus-daemon"]);
    expect(views.size).toBe(1);
    expect(views).not.toContain(await hostView(at.machine));
    await at.screen.awaitDesktop();
    await at.screen.picture("lightdm-desktop");
  });

  const isListed = async () => {
    const call =
      "busctl call org.freedesktop.Accounts /org/freedesktop/Accounts org.freedesktop.Accounts ListCachedUsers";
    return (await at.machine.sh(call)).includes(`/User${guest.uid}"`);
  };

  it("lists the account in the greeter, under its real name", async () => {
    const tail = guest.user.replace("guest-", "");
    expect(await at.machine.sh(`getent passwd ${guest.user} | cut -d: -f5`)).toBe(`Guest ${tail}`);
    await waitFor("greeters to list it", isListed);
  });

  it("shows only the socket of its own display, also without a network", async () => {
    const ask = (script: string) => askBeside(at.machine, guest.uid, "openbox", script);
    expect(await ask('echo "$DISPLAY"; ls /tmp/.X11-unix')).toMatch(/^:(\d+)\nX\1$/);
    const look = "unshare --user --map-root-user --net xprop -root _NET_SUPPORTING_WM_CHECK";
    expect(await ask(look)).toContain("window id");
  });

  it("is back with its greeter when the guest has logged out, and nothing is left, not even a name", async () => {
    await exitOpenbox(at.screen);
    expect(await awaitReceipt(at.machine, guest.id)).toMatchObject({ user: guest.user, cause: "logout", left: [] });
    await at.screen.awaitGreeter(GREETER);
    expect(await leftovers(at.machine)).toBe("");
    await waitFor("greeters to forget the account", async () => !(await isListed()));
    expect(await findName(at.machine, guest.user)).toEqual([]);
  });

  it("asks other users for their password, and gives them the host", async () => {
    const countPrompts = () => at.machine.sh("grep -c 'Prompt greeter' /var/log/lightdm/lightdm.log");
    const before = await countPrompts();
    await at.screen.type("alice");
    await at.screen.press("Return");
    await waitFor("the question for a password", async () => (await countPrompts()) !== before);
    await at.screen.type(PASSWORD);
    await at.screen.press("Return");
    expect(await awaitViews(at.machine, 1000, ["openbox", "systemd"])).toEqual(new Set([await hostView(at.machine)]));
    expect(await listSessions(at.machine)).toEqual([]);
  });

  it("leaves no unexpected line in the journal", async () => {
    expect(await unexpectedLines(at.machine)).toEqual([]);
  });
});
