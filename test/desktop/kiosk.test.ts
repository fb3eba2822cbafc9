// Follows docs/kiosk.md: writes its files, runs its commands. A program with a window replaces the browser.
import { beforeAll, expect, it } from "vitest";
import { describeDesktop } from "../helpers/describe-desktop.ts";
import { awaitOpen, awaitViews, hostView } from "../helpers/desktop.ts";
import { commandsOf, filesOf, readInstructions } from "../helpers/document.ts";
import { Greetd } from "../helpers/greetd.ts";
import { awaitNoSessions, awaitReceipt, leftovers, unexpectedLines, type GuestSession } from "../helpers/guests.ts";
import { readProjectFile } from "../helpers/tree.ts";
import { waitFor } from "../helpers/wait.ts";

const DOCUMENT = readProjectFile("docs/kiosk.md");
const INSTRUCTIONS = readInstructions(DOCUMENT);
/** The machine has no network, and has these programs already. */
const [INSTALL, ...COMMANDS] = commandsOf(INSTRUCTIONS);

const WINDOW = "Stands in for a browser";
const BROWSER = `#!/bin/sh
exec xmessage -title '${WINDOW}' "$*"
`;

describeDesktop("the kiosk in the documentation", (at) => {
  let guest: GuestSession;

  beforeAll(async () => {
    await at.machine.write("/usr/local/bin/firefox-esr", BROWSER, "755");
    await at.machine.sh("ln -s /usr/lib/systemd/system/lightdm.service /etc/systemd/system/display-manager.service");
  });

  it("has its files and commands in the document", async () => {
    const files = filesOf(INSTRUCTIONS);
    expect(files.map(({ path }) => path)).toEqual([
      "/usr/share/xsessions/kiosk.desktop",
      "/usr/local/bin/kiosk",
      "/etc/guestd/guestd.conf.d/kiosk.conf",
    ]);
    for (const { path, text, mode } of files) await at.machine.write(path, text, mode);
    expect(INSTALL).toMatch(/^apt install /);
    expect(COMMANDS.length).toBe(4);
    for (const command of COMMANDS) await at.machine.sh(command);
  });

  it("shows the program, in a session without a login prompt", async () => {
    guest = await awaitOpen(at.machine);
    await waitFor(
      "the program",
      async () => (await at.machine.run(["at-screen", "xwininfo", "-name", WINDOW])).code === 0,
    );
    await at.screen.awaitDesktop();
    expect(await at.machine.sh(`ps -o args= -u ${guest.uid}`)).toContain("--kiosk https://www.debian.org/");
    expect(await at.machine.sh("guestctl autologin status")).toContain(
      "lightdm logs in guest when it starts, and again",
    );
    await at.screen.picture("kiosk");
  });

  it("starts over when the program has ended, and keeps nothing", async () => {
    await at.machine.sh(`pkill -x -u ${guest.uid} xmessage`);
    expect(await awaitReceipt(at.machine, guest.id)).toMatchObject({ cause: "logout", left: [] });
    expect(await leftovers(at.machine)).toBe("");
    expect((await awaitOpen(at.machine)).id).not.toBe(guest.id);
  });

  it("runs on Wayland too, with greetd and cage", async () => {
    const example = /`(\/usr\/share\/wayland-sessions)`.*?`(Exec=cage -- firefox-esr --kiosk) URL`/s.exec(DOCUMENT);
    const [, directory = "", exec = ""] = example ?? [];
    await at.machine.write(`${directory}/kiosk.desktop`, `[Desktop Entry]\nName=Kiosk\n${exec} about:blank\n`);
    // The screen is memory, and the program shows nothing on it.
    // cage of Debian 12 starts only where Xwayland is installed.
    await at.machine.sh("[ -e /usr/bin/Xwayland ] || cp /bin/false /usr/bin/Xwayland");
    await at.machine.sh(
      "printf 'WLR_BACKENDS=headless\\nWLR_RENDERER=pixman\\nWLR_LIBINPUT_NO_DEVICES=1\\n' >>/etc/environment",
    );
    await at.machine.write(
      "/usr/local/bin/firefox-esr",
      '#!/bin/sh\n[ -n "$WAYLAND_DISPLAY" ] && exec sleep infinity\n',
      "755",
    );
    await at.machine.sh("guestctl autologin disable; systemctl --quiet disable --now lightdm");
    await awaitNoSessions(at.machine);
    await Greetd.start(at.machine);
    await at.machine.sh("guestctl autologin enable --display-manager=greetd --session=kiosk; systemctl restart greetd");

    guest = await awaitOpen(at.machine);
    expect(guest.service).toBe("greetd");
    const views = await awaitViews(at.machine, guest.uid, ["cage", "sleep", "systemd"]);
    expect(views.size).toBe(1);
    expect(views).not.toContain(await hostView(at.machine));
    await at.machine.sh(`pkill -x -u ${guest.uid} sleep`);
    expect(await awaitReceipt(at.machine, guest.id)).toMatchObject({ cause: "logout", left: [] });
    expect((await awaitOpen(at.machine)).id).not.toBe(guest.id);
  });

  it("leaves no unexpected line in the journal", async () => {
    expect(await unexpectedLines(at.machine)).toEqual([]);
  });
});
