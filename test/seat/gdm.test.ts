// A user at the screen and keyboard of a computer: consoles as shipped, then GDM and GNOME.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Swept } from "../../src/policy/receipt.ts";
import { askBeside, awaitViews } from "../helpers/desktop.ts";
import { askForRow, listSessions, type GuestSession } from "../helpers/guests.ts";
import { projectRelease, requireRoot } from "../helpers/root.ts";
import { Seat, SEAT_LIMIT_MS } from "../helpers/seat.ts";
import { waitFor, waitUntil } from "../helpers/wait.ts";

const release = projectRelease();

interface Receipt {
  readonly cause: string;
  readonly clean: boolean;
  readonly left: readonly string[];
  readonly swept: readonly Swept[];
}

describe.skipIf(!requireRoot("tests of a whole computer"))(`a guest at a computer with ${release}`, () => {
  let seat: Seat;
  let guest: GuestSession;

  beforeAll(async () => {
    seat = await Seat.boot(release);
  });
  afterAll(async () => {
    await seat.stop();
  });

  /** Repeats an action, as people do, until a session is open. */
  const awaitOpen = (nudge = () => Promise.resolve()) =>
    waitFor(
      "a guest's session to be open",
      async () => {
        const open = (await listSessions(seat.machine)).find(({ state }) => state === "open");
        if (open === undefined) await nudge();
        return open;
      },
      SEAT_LIMIT_MS,
    );

  /** Until the session has ended there is no receipt, which is an error. */
  const awaitReceipt = (id: string) =>
    waitFor("the receipt", () => askForRow<Receipt>(seat.machine, `GetReceipt s ${id}`), SEAT_LIMIT_MS);

  async function logInOnLine() {
    const line = await seat.openLine();
    await seat.machine.sh("systemctl restart serial-getty@ttyS1");
    await waitFor("the prompt", () => /login: $/.test(line.read()), SEAT_LIMIT_MS);
    line.send("guest\r");
    guest = await awaitOpen();
    await waitFor("the shell", () => /\$ (\x1b\S*)?$/.test(line.read()), SEAT_LIMIT_MS);
    return line;
  }

  describe("at a console", () => {
    it("logs in on a virtual terminal, without a password", async () => {
      await seat.press("ctrl", "alt", "f3");
      await waitFor("the prompt", async () => (await seat.readTerminal(3)).endsWith("login:"), SEAT_LIMIT_MS);
      await seat.type("guest\n");
      guest = await awaitOpen();
      expect(guest.service).toBe("login");
      await waitFor("the shell", async () => (await seat.readTerminal(3)).endsWith("$"), SEAT_LIMIT_MS);
      await seat.picture("console");
      await seat.type("exit\n");
      expect(await awaitReceipt(guest.id)).toMatchObject({ cause: "logout", clean: true });
    });

    it("logs in on a serial line, without a password", async () => {
      const line = await logInOnLine();
      line.send("tty; exit\r");
      expect(await awaitReceipt(guest.id)).toMatchObject({ cause: "logout", clean: true });
      expect(line.read()).toContain("/dev/ttyS1");
      line.close();
    });
  });

  describe("with GDM", () => {
    /** GDM lists only the guest. */
    const choose = async () => {
      await seat.press("ret");
      await seat.awaitCalm();
    };
    const awaitGreeter = async (before?: string) => {
      // The settings daemon starts after the shell.
      const look = "pgrep -u Debian-gdm gnome-shell && pgrep -u Debian-gdm gsd-media-keys";
      await waitFor("GDM's greeter", () => seat.machine.sh(look), SEAT_LIMIT_MS);
      await seat.awaitCalm(before);
    };
    const awaitDesktop = async () => {
      // GDM ends its greeter once the desktop is up.
      const greeter = () => seat.machine.sh("pgrep -u Debian-gdm gnome-shell || true");
      await waitUntil("the greeter to be gone", greeter, (found) => found === "", SEAT_LIMIT_MS);
      const views = await awaitViews(seat.machine, guest.uid, ["gnome-shell", "systemd", "dbus-daemon"], SEAT_LIMIT_MS);
      expect(views.size).toBe(1);
      expect(views).not.toContain(await seat.machine.sh("ps -o mntns= -p 1 | tr -d ' '"));
    };
    const ask = (script: string) => askBeside(seat.machine, guest.uid, "gnome-shell", script);
    const configure = (name: string, text: string) =>
      seat.machine.sh(`cat >/etc/guestd/guestd.conf.d/90-${name}.conf; guestctl reload`, { input: text });

    it("is in the list, and gets a desktop with one key", { timeout: 2 * SEAT_LIMIT_MS }, async () => {
      await seat.machine.sh("systemctl start display-manager");
      await awaitGreeter();
      await seat.picture("gdm-greeter");
      guest = await awaitOpen(choose);
      expect(guest.service).toBe("gdm-password");
      await awaitDesktop();
    });

    it("is told that everything will be deleted", async () => {
      // The program of the notice becomes the one of the reminder.
      const isShown = `pgrep -u ${guest.uid} --full -- "--app-id guestd-notice"`;
      await waitFor("the notice to be shown", () => seat.machine.sh(isShown), SEAT_LIMIT_MS);
      await seat.awaitCalm();
      const told = await seat.look();
      await seat.picture("gdm-desktop");
      // The shell counts notifications from 1. The screen changes only where there is one.
      await ask(`gdbus call --session --dest org.freedesktop.Notifications \
        --object-path /org/freedesktop/Notifications --method org.freedesktop.Notifications.CloseNotification 1`);
      await seat.awaitCalm(told);
    });

    it("finds a USB stick, where the administrator allows it", async () => {
      await configure("media", "[Polkit]\nRemovableMedia=yes\n");
      await seat.plugStick();
      const place = `/media/${guest.user}/STICK`;
      await waitFor("the stick", () => seat.machine.sh(`findmnt ${place}`), SEAT_LIMIT_MS);
      expect(await ask(`ls -d ${place}/lost+found`)).toContain(place);
    });

    it("is reminded at the logout, and leaves neither files nor the stick", async () => {
      const desktop = await seat.look();
      await ask("gnome-session-quit --logout");
      await seat.awaitCalm(desktop);
      await seat.picture("gdm-logout");
      await seat.press("tab");
      await seat.press("ret");
      const receipt = await awaitReceipt(guest.id);
      expect(receipt).toMatchObject({ cause: "logout", clean: true, left: [] });
      expect(await seat.machine.sh("findmnt --noheadings /media --submounts || true; ls /media")).toBe("");
      await awaitGreeter(desktop);
    });

    it("reads why they are refused", async () => {
      await configure("few", "[Guests]\nMaxSessions=1\n");
      const line = await logInOnLine();
      const list = await seat.look();
      await seat.press("ret");
      const isSaid = "journalctl --quiet --no-pager --grep 'gdm-password.*as many guests as it allows' || true";
      await waitFor("the refusal", () => seat.machine.sh(isSaid), SEAT_LIMIT_MS);
      await waitFor("the reason on the screen", async () => (await seat.look()) !== list, SEAT_LIMIT_MS);
      await seat.picture("gdm-refusal");
      expect((await listSessions(seat.machine)).map(({ service }) => service)).toEqual(["login"]);
      line.send("exit\r");
      await awaitReceipt(guest.id);
      line.close();
      await seat.machine.sh("rm /etc/guestd/guestd.conf.d/90-few.conf; guestctl reload");
    });

    it("is logged in automatically", { timeout: 2 * SEAT_LIMIT_MS }, async () => {
      // The status is ignored: an emulated machine may be too slow for the rehearsal.
      await seat.machine.run(["guestctl", "autologin", "enable", "--display-manager=gdm"]);
      await seat.machine.sh("systemctl restart gdm");
      guest = await awaitOpen();
      expect(guest.service).toBe("gdm-autologin");
      await awaitDesktop();
    });

    it("loses everything with the power, and the next guest is logged in", { timeout: 2 * SEAT_LIMIT_MS }, async () => {
      await ask("echo private >~/letter");
      await seat.machine.sh("systemctl set-default graphical.target; sync");
      await seat.reset();
      expect(await awaitReceipt(guest.id)).toMatchObject({ cause: "lost-power", clean: true });
      const lost = guest;
      guest = await awaitOpen();
      expect(guest.id).not.toBe(lost.id);
      await awaitDesktop();
      await seat.machine.sh("guestctl autologin disable");
      expect(await seat.machine.sh("dpkg --verify gdm3 | grep --invert-match /usr/share/ || true")).toBe("");
    });
  });
});
