// The display managers of Debian, one row each: their units, and what their logins tell PAM. Pure.

export type DisplayManagerName = "lightdm" | "sddm" | "gdm" | "greetd";

/** What its logins tell PAM on the first seat. */
export interface Named {
  /** The terminal while the user is authenticated. */
  readonly firstTty: string;
  /** The terminal and the display when the session opens. */
  readonly tty: string;
  readonly display: string;
}

export interface DisplayManager {
  readonly name: DisplayManagerName;
  /** Units that display-manager.service can be an alias of. Logins run in the first one. */
  readonly units: readonly [string, ...string[]];
  /** Its PAM services. */
  readonly services: RegExp;
  /** The PAM service of a guest chosen from its list; undefined if it has no list. */
  readonly chosen?: string;
  readonly named: Named;
}

export const DISPLAY_MANAGERS: readonly DisplayManager[] = [
  {
    name: "lightdm",
    units: ["lightdm.service"],
    services: /^lightdm/,
    // That of its guest sessions, which asks others for nothing (packaging/greeters).
    chosen: "lightdm-guest",
    named: { firstTty: ":0", tty: ":0", display: ":0" },
  },
  {
    name: "sddm",
    units: ["sddm.service"],
    services: /^sddm/,
    chosen: "sddm",
    named: { firstTty: "", tty: ":0", display: ":0" },
  },
  {
    name: "gdm",
    units: ["gdm.service", "gdm3.service"],
    services: /^gdm(-|$)/,
    chosen: "gdm-password",
    named: { firstTty: "/dev/tty1", tty: "/dev/tty2", display: "" },
  },
  {
    name: "greetd",
    units: ["greetd.service"],
    services: /^greetd/,
    named: { firstTty: "", tty: "/dev/tty1", display: "" },
  },
];

/** The display manager whose unit this is. */
export const ofUnit = (unit: string): DisplayManager | undefined =>
  DISPLAY_MANAGERS.find(({ units }) => units.includes(unit));

/** The display manager that logs users in through this PAM service. */
export const ofService = (service: string): DisplayManager | undefined =>
  DISPLAY_MANAGERS.find(({ services }) => services.test(service));
