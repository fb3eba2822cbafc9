// Display managers and desktops on a machine of the kind "desktop".
import type { GuestSession } from "./guests.ts";
import { listSessions } from "./guests.ts";
import type { Result } from "./execute.ts";
import type { Machine } from "./machine.ts";
import type { Screen } from "./screen.ts";
import { waitFor } from "./wait.ts";

const LIMIT_MS = 30_000;

interface Asked {
  readonly sh: (script: string) => Promise<string>;
  readonly run: (argv: readonly string[]) => Promise<Result>;
}

// LightDM hangs at a stop while its greeter begins to authenticate.
const IMPATIENCE = "[Service]\nTimeoutStopSec=3s\n";

export async function startDisplayManager(machine: Machine, name: "lightdm" | "sddm" | "greetd"): Promise<void> {
  await machine.write("/etc/systemd/system/lightdm.service.d/90-test.conf", IMPATIENCE);
  await machine.sh(`systemctl --quiet enable --now ${name}; systemctl is-active display-manager`);
}

/** Makes guests answer "yes" to terms of use. */
export async function demandTerms(machine: Machine): Promise<void> {
  await machine.write("/etc/guestd/terms.txt", "Be kind to others.\nDo not take the mouse away.\n");
  await machine.write("/etc/guestd/guestd.conf.d/terms.conf", "[Notice]\nTerms=/etc/guestd/terms.txt\n");
  await machine.sh("guestctl reload");
}

/** The greeter asks for a name instead of listing users. */
export async function hideUsers(machine: Machine): Promise<void> {
  await machine.write("/etc/lightdm/lightdm.conf.d/90-hide-users.conf", "[Seat:*]\ngreeter-hide-users=true\n");
}

/** Waits until a session is open. @param nudge repeated until then */
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

/** Searches contents and paths. Skips logs and receipts, which record past users. */
export async function findName(machine: Machine, name: string): Promise<readonly string[]> {
  const found = await machine.sh(
    `grep -rlsI --devices=skip --exclude-dir=log --exclude-dir=receipts -e ${name} /etc /run /var || true
     find /etc /run /var -xdev -name '*${name}*' -not -path '*/log/*' -not -path '*/receipts/*'`,
  );
  return found.split("\n").filter((line) => line !== "");
}

/** The mount namespaces of a user's processes, once all these programs run. */
export async function awaitViews(
  machine: Asked,
  uid: number,
  programs: readonly string[],
  limitMs = LIMIT_MS,
): Promise<Set<string>> {
  return waitFor(
    `${programs.join(", ")} of uid ${uid}`,
    async () => {
      const all = (await machine.sh(`ps -o mntns=,comm= -u ${uid}`)).split("\n").map((row) => row.trim().split(/ +/));
      // A zombie has no namespace.
      const rows = all.filter(([view]) => view !== "-");
      const running = rows.map(([, name]) => name);
      return programs.every((name) => running.includes(name)) && new Set(rows.map(([view = ""]) => view));
    },
    limitMs,
  );
}

/** Runs a script in the view and environment of a program. */
export async function askBeside(machine: Asked, uid: number, program: string, script: string): Promise<string> {
  const enter = `pid=$(pgrep -n -x -u ${uid} ${program})
    mapfile -d "" environment </proc/$pid/environ
    exec nsenter -t $pid -m setpriv --reuid=${uid} --regid=guests --clear-groups env -i "\${environment[@]}" sh -c "$0"`;
  const { code, stdout, stderr } = await machine.run(["bash", "-euc", enter, script]);
  if (code !== 0) throw new Error(`exit ${code} of ${script}: ${stderr}`);
  return stdout.trim();
}

export const hostView = (machine: Machine): Promise<string> => machine.sh("ps -o mntns= -p 1 | tr -d ' '");

export async function exitOpenbox(screen: Screen): Promise<void> {
  await screen.awaitDesktop();
  await screen.awaitChange(() => screen.click(700, 500, 3), true);
  await screen.press("Up", "Return");
  await screen.awaitFocus("Exit Openbox");
  await screen.press("Right", "Return");
}
