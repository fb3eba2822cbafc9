// What a view shows of the X server of its display, and of that alone: its socket, and the directories that sockets of the guest's
// own servers need. Pure.
import type { Link } from "./paths.ts";
import { followLinks, isWithin } from "./paths.ts";
import type { Step } from "./steps.ts";

/** Where a login takes place, as PAM's items say. */
export interface Display {
  readonly service: string;
  /** PAM's terminal: empty, a name without a device ("ssh"), a display, or that of a terminal the login already has. */
  readonly tty: string;
  /** PAM's X display; empty where there is none yet. */
  readonly display: string;
}

/** Services that name the display of their greeter; the session has a server of its own. */
const SERVER_INSIDE = /^gdm(-|$)/;

/** The number of a display whose server is outside of the session: PAM has it before the session is open. */
export function findServerOutside({ service, tty, display }: Display): string | undefined {
  if (SERVER_INSIDE.test(service)) return undefined;
  return [display, tty].flatMap((name) => /^:(\d{1,5})(\.|$)/.exec(name)?.[1] ?? []).at(0);
}

/** Below /tmp, as tmpfiles.d/x11.conf of systemd makes them for all users: of root, so that no guest can replace one. */
const DIRECTORIES = [".X11-unix", ".ICE-unix", ".XIM-unix", ".font-unix"];

/**
 * Programs that reach no abstract socket (in a network namespace: Flatpak, bwrap) want the one in /tmp. A server of the guest's own
 * (Xwayland) makes it there.
 * @param covered what the view has of its own; where /tmp is not among them, it is the host's, with all of this in it
 */
export function displaySteps(
  login: Display & { readonly uid: number },
  covered: readonly { readonly target: string }[],
  links: readonly Link[],
): Step[] {
  const tmp = followLinks("/tmp", links);
  if (!covered.some(({ target }) => isWithin(tmp, target))) return [];
  const number = findServerOutside(login);
  const socket = `${tmp}/.X11-unix/X${number}`;
  return [
    ...DIRECTORIES.map((name): Step => ({ kind: "mkdir", target: `${tmp}/${name}`, mode: 0o1777 })),
    ...(number === undefined ? [] : [{ kind: "socket", target: socket, uid: login.uid } as const]),
  ];
}
