// The story of packaging/demo --desktop: a guest uses Xfce through LightDM, logs out, and nothing is left. Its pictures
// are in build/pictures.
import { askBeside, awaitOpen, awaitViews, hostView, startDisplayManager } from "../test/helpers/desktop.ts";
import { awaitReceipt } from "../test/helpers/guests.ts";
import type { Machine } from "../test/helpers/machine.ts";
import { Screen } from "../test/helpers/screen.ts";
import { asRoot, differences, run, tell } from "./story.ts";

const GREETER = "lightdm-gtk-greeter";

/** logind keeps a user's runtime directory for ten seconds. */
const CALM_LIMIT_MS = 20_000;

/** Of a desktop, including the notice that all files are deleted. */
const PROGRAMS = ["xfwm4", "xfce4-panel", "wrapper-2.0", "xfdesktop", "dbus-daemon", "systemd", "xfce4-notifyd"];

async function picture(screen: Screen, name: string): Promise<void> {
  console.log(`picture: ${await screen.picture(name)}`);
  await screen.smallPicture(name);
}

async function prepare(machine: Machine): Promise<void> {
  tell("A Debian with LightDM and Xfce, where guestd is installed; its administrator lets guests in");
  await machine.sh("for user in guest1 guest2 guest3 guest4; do userdel --remove $user 2>/dev/null || true; done");
  await asRoot(machine, "guestctl enable");
  await asRoot(machine, "guestctl status");
}

async function visit(machine: Machine, screen: Screen): Promise<string> {
  tell("A guest chooses Guest Session in the list, and clicks Log In");
  await screen.awaitChange(() => screen.click(512, 343));
  await picture(screen, "lightdm-xfce-greeter");
  await screen.awaitChange(() => screen.click(512, 376));
  const { id, uid } = await awaitOpen(machine, () => screen.click(624, 424));

  tell("The desktop is there, in a view of its own");
  const views = await awaitViews(machine, uid, PROGRAMS);
  await screen.awaitDesktop();
  await screen.awaitCalm();
  await picture(screen, "lightdm-xfce-desktop");
  await asRoot(machine, "guestctl list");
  await asRoot(machine, `ps -u ${uid} -o mntns,comm --sort=pid`);
  if (views.size !== 1 || views.has(await hostView(machine))) throw new Error("the desktop is not in one view");

  tell("The guest logs out");
  await askBeside(machine, uid, "xfce4-session", "xfce4-session-logout --logout --fast");
  return id;
}

await run("xfce", async (machine) => {
  const screen = new Screen(machine);
  await prepare(machine);
  const before = await machine.snapshot();
  await startDisplayManager(machine, "lightdm");
  await screen.awaitGreeter(GREETER);
  const id = await visit(machine, screen);
  await awaitReceipt(machine, id);
  await screen.awaitGreeter(GREETER);
  await machine.sh("systemctl disable --now --quiet lightdm");
  tell("The receipt: what was looked at, found, taken away and left");
  await asRoot(machine, `guestctl receipt ${id}`);
  return differences(before, await machine.snapshotLike(before, CALM_LIMIT_MS));
});
