// Debian's display managers: units, and what their logins tell PAM. Pure.

export type DisplayManagerName = "lightdm" | "sddm" | "gdm" | "greetd";

/** What logins on the first seat tell PAM. */
export interface Named {
  /** The terminal during authentication. */
  readonly firstTty: string;
  /** Terminal and display when the session opens. */
  readonly tty: string;
  readonly display: string;
}

export interface DisplayManager {
  readonly name: DisplayManagerName;
  /** Targets of display-manager.service. Logins run in the first. */
  readonly units: readonly [string, ...string[]];
  readonly services: RegExp;
  /** PAM service of a guest chosen from its list; undefined without a list. */
  readonly chosen?: string;
  readonly named: Named;
}

export const DISPLAY_MANAGERS: readonly DisplayManager[] = [
  {
    name: "lightdm",
    units: ["lightdm.service"],
    services: /^lightdm/,
    // Its guest sessions ask nothing (packaging/greeters).
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

export const ofUnit = (unit: string): DisplayManager | undefined =>
  DISPLAY_MANAGERS.find(({ units }) => units.includes(unit));

export const ofService = (service: string): DisplayManager | undefined =>
  DISPLAY_MANAGERS.find(({ services }) => services.test(service));
