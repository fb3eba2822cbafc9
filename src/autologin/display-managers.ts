// The display managers by which guests can be logged in automatically, one row each: what each is told, and how. Pure.
import type { Change } from "./changes.ts";
import { asideOf, greeterPrefix, MARK } from "./changes.ts";

/** Who is logged in. */
export interface Autologin {
  readonly user: string;
  /** Name of the desktop session; empty where the display manager chooses. */
  readonly session: string;
}

export interface DisplayManager {
  readonly name: "lightdm" | "sddm" | "gdm" | "greetd";
  /** Units that display-manager.service can be an alias of. */
  readonly units: readonly string[];
  /** Its program is one of them. */
  readonly programs: readonly string[];
  /** PAM service of its automatic logins. */
  readonly service: string;
  /** Where its sessions are; none where it starts the one that it has chosen itself. */
  readonly sessions: readonly string[];
  /** Whether it has to be told which session. */
  readonly needsSession: boolean;
  /** File that only a version has that shows its greeter after a refusal, and which version that is; undefined where all do. */
  readonly recovery?: { readonly file: string; readonly version: string };
  /** The first says that automatic logins are on. */
  readonly changes: (login: Autologin) => readonly [Change, ...Change[]];
  /** Reads that again. */
  readonly read: (text: string) => Autologin;
}

const X11 = "/usr/share/xsessions";
const WAYLAND = "/usr/share/wayland-sessions";

/** Between a session and the next one: those that end at once do not follow each other without a pause. */
const PAUSE_SECONDS = 5;
/** GDM has none that is shorter. */
const GDM_PAUSE_SECONDS = 10;

const linesOf = (lines: readonly string[]): string => lines.map((line) => `${line}\n`).join("");

const own = (path: string, lines: readonly string[]): Change => ({
  kind: "own",
  path,
  text: linesOf([`# ${MARK}.`, ...lines]),
});

const nameOf = (path: string): string => path.slice(path.lastIndexOf("/") + 1);

/** The stack of a PAM service with a fixed name: pam_guest comes first, and all others log in by the stack that was there. */
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
    units: ["lightdm.service"],
    programs: ["/usr/sbin/lightdm"],
    service: "lightdm-guest",
    sessions: [X11, WAYLAND, "/usr/share/lightdm/sessions"],
    needsSession: false,
    changes: ({ user, session }) => [
      own("/etc/lightdm/lightdm.conf.d/50-guestd-autologin.conf", [
        "[Seat:*]",
        // Not autologin-guest=, which starts the greeter again and again where guests may not log in.
        `autologin-user=${user}`,
        // The greeter counts, each time that it is shown.
        `autologin-user-timeout=${PAUSE_SECONDS}`,
        ...(session === "" ? [] : [`autologin-session=${session}`]),
      ]),
    ],
    read: (text) => ({ user: valueOf(text, "autologin-user"), session: valueOf(text, "autologin-session") }),
  },
  {
    name: "sddm",
    units: ["sddm.service"],
    programs: ["/usr/bin/sddm"],
    service: "sddm-autologin",
    sessions: [X11, WAYLAND],
    needsSession: true,
    // It came with Qt 6. An older one shows a black screen, or hangs at the message of pam_guest.
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
    units: ["gdm.service", "gdm3.service"],
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
    units: ["greetd.service"],
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

/** The last value of a key, as display managers read it. */
const valueOf = (text: string, key: string): string =>
  [...text.matchAll(new RegExp(`^${key}=(.*)$`, "gm"))].at(-1)?.[1]?.trim() ?? "";

const argumentOf = (text: string, name: string): string =>
  new RegExp(`guest-greeter\\.js .*?--${name}=([\\w.-]+) `).exec(text)?.[1] ?? "";
