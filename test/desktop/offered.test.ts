// What greeters offer: LightDM's guest session in its GTK greeter as Debian ships both, and the users that
// accounts-daemon lists for GDM. They follow "guestctl enable" and "guestctl disable". Other users log in as without
// guestd.
import { afterAll, beforeAll, expect, it } from "vitest";
import { describeMachine } from "../helpers/describe-machine.ts";
import { awaitOpen, awaitViews, exitOpenbox, findName, hostView, startDisplayManager } from "../helpers/desktop.ts";
import {
  awaitNoSessions,
  awaitReceipt,
  leftovers,
  listSessions,
  unexpectedLines,
  type GuestSession,
} from "../helpers/guests.ts";
import { Machine } from "../helpers/machine.ts";
import { Screen } from "../helpers/screen.ts";
import { waitFor } from "../helpers/wait.ts";

const GREETER = "lightdm-gtk-greeter";
const CONFIG = "/etc/lightdm/lightdm.conf.d/90-test.conf";
/** Stands in for GDM itself, which is too large. */
const GDM = `[Service]
ExecStart=/usr/bin/sleep infinity
[Install]
Alias=display-manager.service
`;
const LIGHTDM =
  "org.freedesktop.DisplayManager /org/freedesktop/DisplayManager/Seat0 org.freedesktop.DisplayManager.Seat";
const ACCOUNTS = "org.freedesktop.Accounts /org/freedesktop/Accounts org.freedesktop.Accounts";

describeMachine("greeters", (release) => {
  let machine: Machine;
  let screen: Screen;
  let guest: GuestSession;

  beforeAll(async () => {
    machine = await Machine.boot(release, "desktop");
    screen = new Screen(machine);
  });
  afterAll(async () => {
    await machine.stop();
  });

  /** Whether LightDM would show its guest session in a greeter that starts now. */
  const isOffered = async () => (await machine.sh(`busctl get-property ${LIGHTDM} HasGuestAccount`)) === "b true";
  /** Restarts LightDM with more lines for its seats. */
  const restart = async (...lines: readonly string[]) => {
    await machine.write(CONFIG, ["[Seat:*]", ...lines, ""].join("\n"));
    await machine.sh("systemctl restart lightdm");
  };
  /** Whether GDM would list the ghost. */
  const isListed = async () => (await machine.sh(`busctl call ${ACCOUNTS} ListCachedUsers`)).includes("/User60000");

  it("of GDM list the guest while GDM is the display manager and guests may log in, whenever it becomes so", async () => {
    expect(await isListed()).toBe(false);
    await machine.write("/usr/lib/systemd/system/gdm.service", GDM);
    await machine.sh("guestctl status; systemctl --quiet enable --now gdm");
    await waitFor("the guest in the list", isListed);
    await machine.sh("guestctl disable");
    expect(await isListed()).toBe(false);
    await machine.sh("guestctl enable");
    expect(await isListed()).toBe(true);
    // As by dpkg-reconfigure, and the next boot.
    await machine.sh("systemctl --quiet disable --now gdm; systemctl --quiet enable --now lightdm");
    await waitFor("no guest in the list", async () => !(await isListed()));
    expect(await machine.sh("ls /var/lib/AccountsService/users")).toBe("");
    await machine.sh("systemctl --quiet disable --now lightdm");
  });

  it("of LightDM offer a guest session on a machine that boots for the first time", async () => {
    await machine.sh("systemctl stop guestd; rm -r /var/lib/guestd-greeters");
    await startDisplayManager(machine, "lightdm");
    await screen.awaitGreeter(GREETER);
    await screen.picture("lightdm-list");
    expect(await isOffered()).toBe(true);
  });

  // The place of the button without a password field, with a picture of the user and without.
  const clickLogIn = () => screen.click(605, 423);

  it("of LightDM let in a guest who chooses it without a question", async () => {
    // The list of users, with the guest session after alice and four guests by group.
    await screen.awaitChange(() => screen.click(512, 343));
    await screen.picture("lightdm-guest-session");
    await screen.awaitChange(() => screen.click(475, 491));
    await screen.picture("lightdm-guest-chosen");
    guest = await awaitOpen(machine, clickLogIn);
    expect(guest).toMatchObject({
      service: "lightdm-guest",
      user: expect.stringMatching(/^guest-[a-z2-7]{4}$/) as string,
    });
    const views = await awaitViews(machine, guest.uid, ["openbox", "systemd", "dbus-daemon"]);
    expect(views.size).toBe(1);
    expect(views).not.toContain(await hostView(machine));
  });

  it("forget the guest when the session has ended, as does the whole machine", async () => {
    await exitOpenbox(screen);
    expect(await awaitReceipt(machine, guest.id)).toMatchObject({ user: guest.user, cause: "logout", left: [] });
    await screen.awaitGreeter(GREETER);
    expect(await leftovers(machine)).toBe("");
    expect(await findName(machine, guest.user)).toEqual([]);
  });

  it("are back, without a session, where guests were switched off in between", async () => {
    await machine.sh("guestctl disable");
    // The greeter has remembered the guest session, and no name.
    const countFailures = () =>
      machine.sh("grep -ci 'guest account setup script' /var/log/lightdm/lightdm.log || true");
    const before = await countFailures();
    await waitFor("LightDM's script to fail", async () => {
      await clickLogIn();
      return (await countFailures()) !== before;
    });
    await screen.awaitGreeter(GREETER);
    expect(await listSessions(machine)).toEqual([]);
  });

  it("of a LightDM started then offer none, and do again as soon as guests are switched on", async () => {
    await restart();
    await screen.awaitGreeter(GREETER);
    expect(await isOffered()).toBe(false);
    await machine.sh("guestctl enable");
    expect(await isOffered()).toBe(true);
  });

  it("are skipped for guests by autologin-guest=", async () => {
    await restart("autologin-guest=true");
    const { id, service } = await awaitOpen(machine);
    expect(service).toBe("lightdm-guest");
    await machine.sh(`guestctl end ${id}`);
    await screen.awaitGreeter(GREETER);
  });

  it("are skipped for other users by autologin-user=, who get the host; a guest can be added beside them", async () => {
    await restart("autologin-user=alice");
    expect(await awaitViews(machine, 1000, ["openbox", "systemd"])).toEqual(new Set([await hostView(machine)]));
    expect(await listSessions(machine)).toEqual([]);
    await machine.sh("XDG_SEAT_PATH=/org/freedesktop/DisplayManager/Seat0 dm-tool switch-to-guest");
    const { id } = await awaitOpen(machine);
    await machine.sh(`guestctl end ${id}`);
    await awaitNoSessions(machine);
  });

  it("leave no unexpected line in the journal", async () => {
    expect(await unexpectedLines(machine)).toEqual([]);
  });
});
