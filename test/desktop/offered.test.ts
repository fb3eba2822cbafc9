// Greeters offer guests while these are enabled: LightDM's guest session in its GTK greeter as Debian ships both, and
// the users that accounts-daemon lists for GDM.
import { expect, it } from "vitest";
import { describeDesktop } from "../helpers/describe-desktop.ts";
import { awaitOpen, awaitViews, exitOpenbox, findName, hostView, startDisplayManager } from "../helpers/desktop.ts";
import {
  awaitNoSessions,
  awaitReceipt,
  leftovers,
  listSessions,
  unexpectedLines,
  type GuestSession,
} from "../helpers/guests.ts";
import { waitFor } from "../helpers/wait.ts";

const GREETER = "lightdm-gtk-greeter";
const CONFIG = "/etc/lightdm/lightdm.conf.d/90-test.conf";
/** Stands in for GDM, which is too large, and for another display manager. */
const STAND_IN = `[Service]
ExecStart=/usr/bin/sleep infinity
[Install]
Alias=display-manager.service
`;
const LIGHTDM =
  "org.freedesktop.DisplayManager /org/freedesktop/DisplayManager/Seat0 org.freedesktop.DisplayManager.Seat";
const ACCOUNTS = "org.freedesktop.Accounts /org/freedesktop/Accounts org.freedesktop.Accounts";

describeDesktop("greeters", (at) => {
  let guest: GuestSession;

  /** Whether a new greeter of LightDM would show its guest session. */
  const isOffered = async () => (await at.machine.sh(`busctl get-property ${LIGHTDM} HasGuestAccount`)) === "b true";
  /** @param lines added to LightDM's seats */
  const restart = async (...lines: readonly string[]) => {
    await at.machine.write(CONFIG, ["[Seat:*]", ...lines, ""].join("\n"));
    await at.machine.sh("systemctl restart lightdm");
  };
  /** Whether GDM would list the ghost. */
  const isListed = async () => (await at.machine.sh(`busctl call ${ACCOUNTS} ListCachedUsers`)).includes("/User60000");

  it("of GDM list the guest while GDM is the display manager and guests may log in, whenever it becomes so", async () => {
    expect(await isListed()).toBe(false);
    for (const name of ["gdm", "other"]) await at.machine.write(`/usr/lib/systemd/system/${name}.service`, STAND_IN);
    await at.machine.sh("guestctl status; systemctl --quiet enable --now gdm");
    await waitFor("the guest in the list", isListed);
    await at.machine.sh("guestctl disable");
    expect(await isListed()).toBe(false);
    await at.machine.sh("guestctl enable");
    expect(await isListed()).toBe(true);
    // As by dpkg-reconfigure, and the next boot.
    await at.machine.sh("systemctl --quiet disable --now gdm; systemctl --quiet enable --now other");
    await waitFor("no guest in the list", async () => !(await isListed()));
    expect(await at.machine.sh("ls /var/lib/AccountsService/users")).toBe("");
    await at.machine.sh("systemctl --quiet disable --now other");
  });

  it("of LightDM offer a guest session on a machine that boots for the first time", async () => {
    await at.machine.sh("systemctl stop guestd; rm -r /var/lib/guestd-greeters");
    await startDisplayManager(at.machine, "lightdm");
    await at.screen.awaitGreeter(GREETER);
    await at.screen.picture("lightdm-list");
    expect(await isOffered()).toBe(true);
  });

  // Without a password field the button is here, with the user's picture or without.
  const clickLogIn = () => at.screen.click(605, 423);

  it("of LightDM let in a guest who chooses it without a question", async () => {
    // In the list of users, the guest session follows alice and four guests by group.
    await at.screen.awaitChange(() => at.screen.click(512, 343));
    await at.screen.picture("lightdm-guest-session");
    await at.screen.awaitChange(() => at.screen.click(475, 491));
    await at.screen.picture("lightdm-guest-chosen");
    guest = await awaitOpen(at.machine, clickLogIn);
    expect(guest).toMatchObject({
      service: "lightdm-guest",
      user: expect.stringMatching(/^guest-[a-z2-7]{4}$/) as string,
    });
    const views = await awaitViews(at.machine, guest.uid, ["openbox", "systemd", "dbus-daemon"]);
    expect(views.size).toBe(1);
    expect(views).not.toContain(await hostView(at.machine));
  });

  it("forget the guest when the session has ended, as does the whole machine", async () => {
    await exitOpenbox(at.screen);
    expect(await awaitReceipt(at.machine, guest.id)).toMatchObject({ user: guest.user, cause: "logout", left: [] });
    await at.screen.awaitGreeter(GREETER);
    expect(await leftovers(at.machine)).toBe("");
    expect(await findName(at.machine, guest.user)).toEqual([]);
  });

  it("are back, without a session, where guests were switched off in between", async () => {
    await at.machine.sh("guestctl disable");
    // The greeter has remembered the guest session, and no name.
    const countFailures = () =>
      at.machine.sh("grep -ci 'guest account setup script' /var/log/lightdm/lightdm.log || true");
    const before = await countFailures();
    await waitFor("LightDM's script to fail", async () => {
      await clickLogIn();
      return (await countFailures()) !== before;
    });
    await at.screen.awaitGreeter(GREETER);
    expect(await listSessions(at.machine)).toEqual([]);
  });

  it("of a LightDM started then offer none, and do again as soon as guests are switched on", async () => {
    await restart();
    await at.screen.awaitGreeter(GREETER);
    expect(await isOffered()).toBe(false);
    await at.machine.sh("guestctl enable");
    expect(await isOffered()).toBe(true);
  });

  it("are skipped for guests by autologin-guest=", async () => {
    await restart("autologin-guest=true");
    const { id, service } = await awaitOpen(at.machine);
    expect(service).toBe("lightdm-guest");
    await at.machine.sh(`guestctl end ${id}`);
    await at.screen.awaitGreeter(GREETER);
  });

  it("are skipped for other users by autologin-user=, who get the host; a guest can be added beside them", async () => {
    await restart("autologin-user=alice");
    expect(await awaitViews(at.machine, 1000, ["openbox", "systemd"])).toEqual(new Set([await hostView(at.machine)]));
    expect(await listSessions(at.machine)).toEqual([]);
    await at.machine.sh("XDG_SEAT_PATH=/org/freedesktop/DisplayManager/Seat0 dm-tool switch-to-guest");
    const { id } = await awaitOpen(at.machine);
    await at.machine.sh(`guestctl end ${id}`);
    await awaitNoSessions(at.machine);
  });

  it("leave no unexpected line in the journal", async () => {
    expect(await unexpectedLines(at.machine)).toEqual([]);
  });
});
