// Gives a view the X server of its own display, and no other: its socket, and the directories in which the guest's
// own servers make sockets. Pure.
import { ofService } from "./display-managers.ts";
import type { Link } from "./paths.ts";
import { followLinks, isWithin } from "./paths.ts";
import type { Step } from "./steps.ts";

/** Where a login takes place, according to PAM's items. */
export interface Display {
  readonly service: string;
  /** PAM's terminal: empty, a name without a device ("ssh"), a display, or the terminal that the login has already. */
  readonly tty: string;
  /** PAM's X display; empty if there is none yet. */
  readonly display: string;
}

/** The number of a display whose server is outside the session. PAM knows it before the session opens. */
export function findServerOutside({ service, tty, display }: Display): string | undefined {
  // GDM names the display of its greeter. The session has a server of its own.
  if (ofService(service)?.name === "gdm") return undefined;
  return [display, tty].flatMap((name) => /^:(\d{1,5})(\.|$)/.exec(name)?.[1] ?? []).at(0);
}

/**
 * Below /tmp, as systemd's tmpfiles.d/x11.conf makes them for all users. Root owns them, so no guest can replace one.
 */
const DIRECTORIES = [".X11-unix", ".ICE-unix", ".XIM-unix", ".font-unix"];

/**
 * Programs in a network namespace (Flatpak, bwrap) reach no abstract socket and need the one in /tmp. The guest's own
 * server (Xwayland) makes it there.
 * @param covered what the view has of its own; without /tmp among it, the view shows the host's /tmp with all of this
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
