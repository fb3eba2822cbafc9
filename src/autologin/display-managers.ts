// The display managers that can log guests in automatically, one row each. Pure.
import type { DisplayManagerName } from "../policy/display-managers.ts";
import type { Change } from "./changes.ts";
import { asideOf, greeterPrefix, MARK } from "./changes.ts";

export interface Autologin {
  readonly user: string;
  /** Empty if the display manager chooses. */
  readonly session: string;
}

export interface DisplayManager {
  readonly name: DisplayManagerName;
  readonly programs: readonly string[];
  /** Of its automatic logins. */
  readonly service: string;
  /** Directories; empty if it always chooses the session itself. */
  readonly sessions: readonly string[];
  readonly needsSession: boolean;
  /** A file only of versions that show the greeter after a refused login. Undefined if all versions do. */
  readonly recovery?: { readonly file: string; readonly version: string };
  /** The first change turns automatic logins on. */
  readonly changes: (login: Autologin) => readonly [Change, ...Change[]];
  readonly read: (text: string) => Autologin;
}

const X11 = "/usr/share/xsessions";
const WAYLAND = "/usr/share/wayland-sessions";

/** In case sessions end at once. */
const PAUSE_SECONDS = 5;
/** The shortest that GDM allows. */
const GDM_PAUSE_SECONDS = 10;

const linesOf = (lines: readonly string[]): string => lines.map((line) => `${line}\n`).join("");

const own = (path: string, lines: readonly string[]): Change => ({
  kind: "own",
  path,
  text: linesOf([`# ${MARK}.`, ...lines]),
});

const nameOf = (path: string): string => path.slice(path.lastIndexOf("/") + 1);

/** The stack of a PAM service with a fixed name. Others than guests log in by the original stack. */
const standIn = (path: string, lines: readonly string[]): Change => ({
  kind: "stand-in",
  path,
  text: linesOf([
    "#%PAM-1.0",
    `# ${MARK}.`,
    `# The package's file is ${asideOf(path)} meanwhile, and changes belong there.`,
    "auth      requisite pam_nologin.so",
    ...lines,
    "auth      [success=done ignore=ignore module_unknown=ignore default=die] pam_guest.so",
    `@include ${nameOf(asideOf(path))}`,
  ]),
});

export const DISPLAY_MANAGERS: readonly DisplayManager[] = [
  {
    name: "lightdm",
    programs: ["/usr/sbin/lightdm"],
    service: "lightdm-guest",
    sessions: [X11, WAYLAND, "/usr/share/lightdm/sessions"],
    needsSession: false,
    changes: ({ user, session }) => [
      own("/etc/lightdm/lightdm.conf.d/50-guestd-autologin.conf", [
        "[Seat:*]",
        // Not autologin-guest=, which restarts the greeter in a loop if guests may not log in.
        `autologin-user=${user}`,
        // The greeter counts down each time it is shown.
        `autologin-user-timeout=${PAUSE_SECONDS}`,
        ...(session === "" ? [] : [`autologin-session=${session}`]),
      ]),
    ],
    read: (text) => ({ user: valueOf(text, "autologin-user"), session: valueOf(text, "autologin-session") }),
  },
  {
    name: "sddm",
    programs: ["/usr/bin/sddm"],
    service: "sddm-autologin",
    sessions: [X11, WAYLAND],
    needsSession: true,
    // The file came with Qt 6. Earlier greeters show a black screen, or hang at pam_guest's message.
    recovery: { file: "/usr/bin/sddm-greeter-qt6", version: "0.21" },
    changes: ({ user, session }) => [
      own("/etc/sddm.conf.d/50-guestd-autologin.conf", [
        "[Autologin]",
        `User=${user}`,
        `Session=${session}`,
        "Relogin=true",
      ]),
      standIn("/etc/pam.d/sddm-autologin", [
        "# SDDM begins the next session as soon as one has ended.",
        `auth      optional pam_exec.so quiet /usr/bin/sleep ${PAUSE_SECONDS}`,
      ]),
    ],
    read: (text) => ({ user: valueOf(text, "User"), session: valueOf(text, "Session") }),
  },
  {
    name: "gdm",
    programs: ["/usr/sbin/gdm3"],
    service: "gdm-autologin",
    sessions: [],
    needsSession: false,
    changes: ({ user }) => [
      {
        kind: "lines",
        path: "/etc/gdm3/daemon.conf",
        text: linesOf([
          "[daemon]",
          "AutomaticLoginEnable=true",
          `AutomaticLogin=${user}`,
          "TimedLoginEnable=true",
          `TimedLogin=${user}`,
          `TimedLoginDelay=${GDM_PAUSE_SECONDS}`,
        ]),
      },
      standIn("/etc/pam.d/gdm-autologin", []),
    ],
    read: (text) => ({ user: valueOf(text, "TimedLogin"), session: "" }),
  },
  {
    name: "greetd",
    programs: ["/usr/sbin/greetd", "/usr/bin/greetd"],
    service: "greetd",
    sessions: [WAYLAND],
    needsSession: true,
    changes: ({ user, session }) => [
      { kind: "prefix", path: "/etc/greetd/config.toml", text: greeterPrefix(user, session) },
    ],
    read: (text) => ({ user: argumentOf(text, "user"), session: argumentOf(text, "session") }),
  },
];

/** Display managers use the last value of a key. */
const valueOf = (text: string, key: string): string =>
  [...text.matchAll(new RegExp(`^${key}=(.*)$`, "gm"))].at(-1)?.[1]?.trim() ?? "";

const argumentOf = (text: string, name: string): string =>
  new RegExp(`guest-greeter\\.js .*?--${name}=([\\w.-]+) `).exec(text)?.[1] ?? "";
