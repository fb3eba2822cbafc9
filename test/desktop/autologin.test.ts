// "guestctl autologin" with real display managers logs in one guest after another. A refusal ends at the greeter.
// Everything is undone to the byte, even after upgrades or guestd's removal.
import { beforeAll, describe, expect, it } from "vitest";
import { describeDesktop } from "../helpers/describe-desktop.ts";
import { awaitOpen, awaitViews, exitOpenbox, hostView, startDisplayManager } from "../helpers/desktop.ts";
import { Greetd, SWAY } from "../helpers/greetd.ts";
import { awaitNoSessions, awaitReceipt, unexpectedLines } from "../helpers/guests.ts";
import { PASSWORD } from "../helpers/machine.ts";
import type { Terminal } from "../helpers/terminal.ts";
import { waitFor } from "../helpers/wait.ts";

const GTK_GREETER = "lightdm-gtk-greeter";
type Name = "lightdm" | "sddm" | "greetd";

/** /etc, except what systemd and editors keep there. */
const STATE = `find /etc -xdev -type f -not -path '/etc/systemd/*' -exec stat -c '%n %a %U %G' {} + -exec sha256sum {} + | sort
  dpkg-divert --list '*guestd*'`;
const KEPT = "/etc/guestd/guestd.conf.d/kept.conf";

describeDesktop("automatic logins", (at) => {
  let state: string;

  beforeAll(async () => {
    // Like desktop-recipe for SDDM's other services.
    await at.machine.sh("sed -i '1a session required pam_env.so' /etc/pam.d/sddm-autologin");
    await at.machine.write(
      "/usr/share/wayland-sessions/memory.desktop",
      `[Desktop Entry]\nName=Memory\nExec=${SWAY.join(" ")}\nType=Application\n`,
    );
    state = await at.machine.sh(STATE);
  });

  const guestctl = async (args: string) => {
    const { code, stdout, stderr } = await at.machine.run(["sh", "-c", `guestctl ${args}`]);
    return { code, said: `${stdout}${stderr}`.trim() };
  };
  const enable = async (name: Name, session: string) => {
    const { code, said } = await guestctl(`autologin enable --display-manager=${name} --session=${session}`);
    expect(said).toContain(`${name} logs in guest when it starts`);
    expect(code).toBe(0);
  };
  const stop = (name: Name) => at.machine.sh(`systemctl --quiet disable --now ${name}`);
  const countRefusals = async (service: string) =>
    (await at.machine.journal("_SYSTEMD_UNIT=guestd.service", "GUEST_ACTION=refuse", `GUEST_SERVICE=${service}`))
      .length;

  /** Keeps guests out, and lets them in again. */
  const KEEPING_OUT: Readonly<Record<string, readonly [begin: () => Promise<unknown>, end: () => Promise<unknown>]>> = {
    "guests are switched off": [() => guestctl("disable"), () => guestctl("enable")],
    "as many as MaxSessions= are logged in": [
      async () => {
        await limit("MaxSessions=1");
        other = await at.machine.loginAsGhost();
      },
      leave,
    ],
    "all uids are leased": [
      async () => {
        await limit("LeaseRange=65536-65536");
        other = await at.machine.loginAsGhost();
      },
      leave,
    ],
    "guestd does not start": [
      () => at.machine.sh("systemctl --quiet --runtime mask --now guestd"),
      () => at.machine.sh("systemctl --quiet --runtime unmask guestd"),
    ],
  };
  let other: Terminal;
  const limit = async (line: string) => {
    await at.machine.write(KEPT, `[Guests]\n${line}\n`);
    await at.machine.sh("guestctl reload");
  };
  async function leave() {
    await other.logOut();
    await awaitNoSessions(at.machine);
    await at.machine.sh(`rm ${KEPT}; guestctl reload`);
  }

  async function whileKeptOut(reason: string, act: () => Promise<void>) {
    const [begin, end] = KEEPING_OUT[reason] ?? [];
    await begin?.();
    try {
      await act();
    } finally {
      await end?.();
    }
  }

  it("need to name the display manager where several are installed", async () => {
    expect(await guestctl("autologin status")).toEqual({ code: 0, said: "There are no automatic logins of guests." });
    const { code, said } = await guestctl("autologin enable");
    expect(said).toContain("installed: lightdm, sddm, greetd. Name one with --display-manager=.");
    expect(code).toBe(1);
    const asAlice = await at.machine.run(["guestctl", "autologin", "enable"], { user: "alice" });
    expect(asAlice).toMatchObject({ code: 1, stderr: expect.stringContaining("try it with sudo") as string });
  });

  if (at.release === "bookworm")
    it("are refused for an SDDM that shows no greeter after a refusal", async () => {
      const { code, said } = await guestctl("autologin enable --display-manager=sddm --session=openbox");
      expect(said).toContain("sddm before 0.21 shows no greeter after a login that was refused");
      expect(code).toBe(1);
      expect(await at.machine.sh(STATE)).toBe(state);
    });
  else
    describe("with SDDM", () => {
      it("begin when it starts", async () => {
        await enable("sddm", "openbox");
        await startDisplayManager(at.machine, "sddm");
        expect((await awaitOpen(at.machine)).service).toBe("sddm-autologin");
        expect((await guestctl("status")).said).toMatch(/^autologin: +guest by sddm$/m);
        expect((await guestctl("explain guest")).said).toMatch(/^autologin: guest by sddm$/m);
        expect((await guestctl("autologin status")).code).toBe(0);
      });

      it("begin again after the logout", async () => {
        const { id } = await awaitOpen(at.machine);
        await exitOpenbox(at.screen);
        expect(await awaitReceipt(at.machine, id)).toMatchObject({ cause: "logout", left: [] });
        expect((await awaitOpen(at.machine)).id).not.toBe(id);
        await at.machine.sh("systemctl stop sddm");
        await awaitNoSessions(at.machine);
      });

      it.each(Object.keys(KEEPING_OUT))("end at the greeter while %s", async (reason) => {
        await at.machine.sh("systemctl stop sddm");
        await whileKeptOut(reason, async () => {
          // Otherwise it may be started only twice in half a minute.
          await at.machine.sh("systemctl reset-failed sddm || true; systemctl start sddm");
          await at.screen.awaitGreeter("sddm-greeter-qt6");
          await at.machine.sh("systemctl stop sddm");
        });
      });
    });

  describe("with LightDM", () => {
    it("undo SDDM's setup, and begin when it starts, and again after the logout", async () => {
      await stop("sddm");
      await enable("lightdm", "openbox");
      expect(await at.machine.sh("find /etc/sddm.conf.d /etc/pam.d -name '*guestd*' || true")).toBe("");
      await startDisplayManager(at.machine, "lightdm");
      const { id, service } = await awaitOpen(at.machine);
      expect(service).toBe("lightdm-guest");
      await exitOpenbox(at.screen);
      expect(await awaitReceipt(at.machine, id)).toMatchObject({ cause: "logout", left: [] });
      expect((await awaitOpen(at.machine)).id).not.toBe(id);
    });

    it.each(["guests are switched off", "guestd does not start"])(
      "end at the greeter while %s, and it is not restarted",
      async (reason) => {
        await at.machine.sh("systemctl stop lightdm");
        await awaitNoSessions(at.machine);
        await whileKeptOut(reason, async () => {
          await at.machine.sh("systemctl start lightdm");
          await at.screen.awaitGreeter(GTK_GREETER);
          const greeter = () => at.machine.sh(`pgrep -f ${GTK_GREETER}`);
          const pids = await greeter();
          const isRefused = "grep -q 'Authentication complete with return value [1-9]' /var/log/lightdm/lightdm.log";
          await waitFor("the refusal", async () => (await at.machine.run(["sh", "-c", isRefused])).code === 0);
          await at.screen.picture("lightdm-autologin-refused");
          await at.screen.awaitGreeter(GTK_GREETER);
          expect(await greeter()).toBe(pids);
          await at.machine.sh("systemctl stop lightdm");
        });
      },
    );
  });

  describe("with greetd", () => {
    let greetd: Greetd;

    it("begin when it starts, and again after the logout", async () => {
      await stop("lightdm");
      await at.machine.sh("guestctl autologin disable; cp /etc/greetd/config.toml /root; systemctl stop greetd");
      greetd = await Greetd.start(at.machine);
      await at.machine.sh("systemctl stop greetd");
      await enable("greetd", "memory");
      await at.machine.sh("systemctl start greetd");
      const { id, uid, service } = await awaitOpen(at.machine);
      expect(service).toBe("greetd");
      expect(await awaitViews(at.machine, uid, ["sway", "systemd"])).not.toContain(await hostView(at.machine));
      // A starting compositor can miss the signal.
      const isGone = async () => (await at.machine.run(["pkill", "-x", "-u", String(uid), "sway"])).code !== 0;
      await waitFor("the compositor to end", isGone);
      expect(await awaitReceipt(at.machine, id)).toMatchObject({ cause: "logout", left: [] });
      expect((await awaitOpen(at.machine)).id).not.toBe(id);
    });

    it("give way to the greeter while guests are switched off, and other users log in there", async () => {
      await guestctl("disable");
      await at.machine.sh("systemctl restart greetd");
      const before = await countRefusals("greetd");
      expect(await greetd.ask({ type: "create_session", username: "alice" })).toMatchObject({ type: "auth_message" });
      expect(await greetd.ask({ type: "post_auth_message_response", response: PASSWORD })).toEqual({ type: "success" });
      expect(await greetd.ask({ type: "start_session", cmd: SWAY, env: [] })).toEqual({ type: "success" });
      expect(await awaitViews(at.machine, 1000, ["sway", "systemd"])).toEqual(new Set([await hostView(at.machine)]));
      expect(await countRefusals("greetd")).toBeLessThanOrEqual(before + 1);
      await at.machine.sh("systemctl stop greetd; guestctl enable");
    });
  });

  it("are undone to the byte, and what an administrator has written in between stays", async () => {
    await at.machine.sh("echo '# by hand' >>/etc/greetd/config.toml; guestctl autologin disable");
    expect(await at.machine.sh("tail -1 /etc/greetd/config.toml; ! grep -r guest-greeter /etc")).toBe("# by hand");
    await stop("greetd");
    await at.machine.sh("mv /root/config.toml /etc/greetd/");
    expect(await at.machine.sh(STATE)).toBe(state);
  });

  /** Packs only GDM's changed files, as GDM itself is too large. */
  const installGdm = async (version: string) => {
    await at.machine.sh(
      `rm -rf /root/gdm; mkdir -p /root/gdm/DEBIAN /root/gdm/etc/gdm3 /root/gdm/etc/pam.d /root/gdm/usr/sbin
       cd /root/gdm
       printf '%s\\n' 'Package: gdm3' 'Version: ${version}' 'Architecture: all' 'Maintainer: x <x@example.org>' 'Description: x' >DEBIAN/control
       printf '%s\\n' /etc/gdm3/daemon.conf /etc/pam.d/gdm-autologin >DEBIAN/conffiles
       printf '[daemon]\\n' >etc/gdm3/daemon.conf
       printf '#${version}\\nauth required pam_permit.so\\n' >etc/pam.d/gdm-autologin
       : >usr/sbin/gdm3; chmod 755 usr/sbin/gdm3
       dpkg-deb --build --root-owner-group /root/gdm /root/gdm.deb
       dpkg --install /root/gdm.deb </dev/null`,
    );
  };
  const readGdm = () =>
    at.machine.sh("cat /etc/gdm3/daemon.conf /etc/pam.d/gdm-autologin; ls /etc/gdm3; ls /etc/pam.d | grep gdm");

  it("survive an upgrade of the package whose file is diverted, without a question", async () => {
    await installGdm("1");
    await at.machine.sh("guestctl autologin enable --display-manager=gdm");
    const before = await at.machine.sh("cat /etc/pam.d/gdm-autologin");
    await installGdm("2");
    expect(await at.machine.sh("cat /etc/pam.d/gdm-autologin")).toBe(before);
    expect((await guestctl("autologin status")).code).toBe(0);
  });

  it("are undone when guestd is removed", async () => {
    await at.machine.sh("DEBIAN_FRONTEND=noninteractive dpkg --remove guestd");
    expect(await readGdm()).toBe("[daemon]\n#2\nauth required pam_permit.so\ndaemon.conf\ngdm-autologin");
    expect(await at.machine.sh("dpkg-divert --list '*guestd*'")).toBe("");
  });

  it("leave no unexpected line in the journal", async () => {
    const refusals = [
      /switched off/,
      /This machine has as many guests as it allows/,
      /are in use/,
      /masked|NoSuchUnit|NameHasNoOwner|ServiceUnknown/,
    ];
    expect(await unexpectedLines(at.machine, ...refusals)).toEqual([]);
  });
});
