// The kiosk of docs/kiosk.md: writes its files, runs its commands. A program that shows a window replaces the browser.
import { afterAll, beforeAll, expect, it } from "vitest";
import { describeMachine } from "../helpers/describe-machine.ts";
import { awaitOpen } from "../helpers/desktop.ts";
import { commandsOf, filesOf, readInstructions } from "../helpers/document.ts";
import { awaitReceipt, leftovers, unexpectedLines, type GuestSession } from "../helpers/guests.ts";
import { Machine } from "../helpers/machine.ts";
import { Screen } from "../helpers/screen.ts";
import { readProjectFile } from "../helpers/tree.ts";
import { waitFor } from "../helpers/wait.ts";

const INSTRUCTIONS = readInstructions(readProjectFile("docs/kiosk.md"));
/** The programs are there: the machine has no network. */
const [INSTALL, ...COMMANDS] = commandsOf(INSTRUCTIONS);

const WINDOW = "Stands in for a browser";
const BROWSER = `#!/bin/sh
exec xmessage -title '${WINDOW}' "$*"
`;

describeMachine("the kiosk in the documentation", (release) => {
  let machine: Machine;
  let screen: Screen;
  let guest: GuestSession;

  beforeAll(async () => {
    machine = await Machine.boot(release, "desktop");
    screen = new Screen(machine);
    await machine.write("/usr/local/bin/firefox-esr", BROWSER, "755");
    await machine.sh("ln -s /usr/lib/systemd/system/lightdm.service /etc/systemd/system/display-manager.service");
  });
  afterAll(async () => {
    await machine.stop();
  });

  it("has its files and commands in the document", async () => {
    const files = filesOf(INSTRUCTIONS);
    expect(files.map(({ path }) => path)).toEqual([
      "/usr/share/xsessions/kiosk.desktop",
      "/usr/local/bin/kiosk",
      "/etc/guestd/guestd.conf.d/kiosk.conf",
    ]);
    for (const { path, text, mode } of files) await machine.write(path, text, mode);
    expect(INSTALL).toMatch(/^apt install /);
    expect(COMMANDS.length).toBe(4);
    for (const command of COMMANDS) await machine.sh(command);
  });

  it("shows the program, in a session without a login prompt", async () => {
    guest = await awaitOpen(machine);
    await waitFor(
      "the program",
      async () => (await machine.run(["at-screen", "xwininfo", "-name", WINDOW])).code === 0,
    );
    await screen.awaitDesktop();
    expect(await machine.sh(`ps -o args= -u ${guest.uid}`)).toContain("--kiosk https://www.debian.org/");
    expect(await machine.sh("guestctl autologin status")).toContain("lightdm logs in guest when it starts, and again");
    await screen.picture("kiosk");
  });

  it("starts over when the program has ended, and keeps nothing", async () => {
    await machine.sh(`pkill -x -u ${guest.uid} xmessage`);
    expect(await awaitReceipt(machine, guest.id)).toMatchObject({ cause: "logout", left: [] });
    expect(await leftovers(machine)).toBe("");
    expect((await awaitOpen(machine)).id).not.toBe(guest.id);
  });

  it("leaves no unexpected line in the journal", async () => {
    expect(await unexpectedLines(machine)).toEqual([]);
  });
});
