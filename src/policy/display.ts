// Gives a view the X server of its own display: its socket, and directories for the guest's servers. Pure.
import { ofService } from "./display-managers.ts";
import type { Link } from "./paths.ts";
import { followLinks, isWithin } from "./paths.ts";
import type { Step } from "./steps.ts";

/** Where a login takes place, by PAM's items. */
export interface Display {
  readonly service: string;
  /** Empty, a name without a device ("ssh"), a display, or a terminal. */
  readonly tty: string;
  /** PAM's X display; empty if there is none yet. */
  readonly display: string;
}

/** Returns the number of a display with a server outside the session. */
export function findServerOutside({ service, tty, display }: Display): string | undefined {
  // GDM names its greeter's display. The session has its own server.
  if (ofService(service)?.name === "gdm") return undefined;
  return [display, tty].flatMap((name) => /^:(\d{1,5})(\.|$)/.exec(name)?.[1] ?? []).at(0);
}

/** Below /tmp, as in systemd's tmpfiles.d/x11.conf. Root owns them: no guest can replace one. */
const DIRECTORIES = [".X11-unix", ".ICE-unix", ".XIM-unix", ".font-unix"];

/**
 * Programs in a network namespace (Flatpak, bwrap) reach only the socket in /tmp. Xwayland makes its socket there.
 * @param covered what the view has of its own; without /tmp, the host's /tmp shows all this
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
