// Real display managers on a machine of the kind "desktop", and the desktops that they start.
import type { GuestSession } from "./guests.ts";
import { listSessions } from "./guests.ts";
import type { Machine } from "./machine.ts";
import type { Screen } from "./screen.ts";
import { waitFor } from "./wait.ts";

const LIMIT_MS = 30_000;

// A LightDM that is stopped while its greeter begins to authenticate waits for an answer that never comes.
const IMPATIENCE = "[Service]\nTimeoutStopSec=3s\n";

/** Makes it the machine's display manager, and starts it. */
export async function startDisplayManager(machine: Machine, name: "lightdm" | "sddm" | "greetd"): Promise<void> {
  await machine.write("/etc/systemd/system/lightdm.service.d/90-test.conf", IMPATIENCE);
  await machine.sh(`systemctl --quiet enable --now ${name}; systemctl is-active display-manager`);
}

/** Makes guests accept terms of use from now on, with "yes". */
export async function demandTerms(machine: Machine): Promise<void> {
  await machine.write("/etc/guestd/terms.txt", "Be kind to others.\nDo not take the mouse away.\n");
  await machine.write("/etc/guestd/guestd.conf.d/terms.conf", "[Notice]\nTerms=/etc/guestd/terms.txt\n");
  await machine.sh("guestctl reload");
}

/** Has LightDM's greeter ask for a name instead of listing users. */
export async function hideUsers(machine: Machine): Promise<void> {
  await machine.write("/etc/lightdm/lightdm.conf.d/90-hide-users.conf", "[Seat:*]\ngreeter-hide-users=true\n");
}

/** Repeats an action until a session is open. */
export async function awaitOpen(machine: Machine, nudge = () => Promise.resolve()): Promise<GuestSession> {
  return waitFor(
    "a guest's session to be open",
    async () => {
      await nudge();
      return (await listSessions(machine)).find(({ state }) => state === "open");
    },
    LIMIT_MS,
  );
}

/**
 * Files and directories with a name in their contents or paths. Logs and guestd's receipts, which record past users,
 * are excluded.
 */
export async function findName(machine: Machine, name: string): Promise<readonly string[]> {
  const found = await machine.sh(
    `grep -rlsI --devices=skip --exclude-dir=log --exclude-dir=receipts -e ${name} /etc /run /var || true
     find /etc /run /var -xdev -name '*${name}*' -not -path '*/log/*' -not -path '*/receipts/*'`,
  );
  return found.split("\n").filter((line) => line !== "");
}

/** The mount namespaces of a user's processes, once these programs are among them. */
export async function awaitViews(machine: Machine, uid: number, programs: readonly string[]): Promise<Set<string>> {
  return waitFor(
    `${programs.join(", ")} of uid ${uid}`,
    async () => {
      const all = (await machine.sh(`ps -o mntns=,comm= -u ${uid}`)).split("\n").map((row) => row.trim().split(/ +/));
      // A zombie is in none.
      const rows = all.filter(([view]) => view !== "-");
      const running = rows.map(([, name]) => name);
      return programs.every((name) => running.includes(name)) && new Set(rows.map(([view = ""]) => view));
    },
    LIMIT_MS,
  );
}

/** Runs a shell script beside a program of a user's session: in its view, with its environment. */
export async function askBeside(machine: Machine, uid: number, program: string, script: string): Promise<string> {
  const enter = `pid=$(pgrep -n -x -u ${uid} ${program})
    mapfile -d "" environment </proc/$pid/environ
    exec nsenter -t $pid -m setpriv --reuid=${uid} --regid=guests --clear-groups env -i "\${environment[@]}" sh -c "$0"`;
  const { code, stdout, stderr } = await machine.run(["bash", "-euc", enter, script]);
  if (code !== 0) throw new Error(`exit ${code} of ${script}: ${stderr}`);
  return stdout.trim();
}

/** The mount namespace of the machine itself. */
export const hostView = (machine: Machine): Promise<string> => machine.sh("ps -o mntns= -p 1 | tr -d ' '");

/** Leaves Openbox through its menu. */
export async function exitOpenbox(screen: Screen): Promise<void> {
  await screen.awaitDesktop();
  await screen.awaitChange(() => screen.click(700, 500, 3), true);
  await screen.press("Up", "Return");
  await screen.awaitFocus("Exit Openbox");
  await screen.press("Right", "Return");
}
