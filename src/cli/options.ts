// The options of guestctl, one row each. commands.ts lists those of each verb.

export const OPTIONS = {
  json: { type: "boolean", default: false, help: "Print JSON" },
  service: { type: "string", default: "login", help: "With explain: the PAM service of the login (default: login)" },
  failed: { type: "boolean", default: false, help: "With receipts: only sessions that left something behind" },
  all: { type: "boolean", short: "a", default: false, help: "With leases: also UIDs that are free" },
  reason: { type: "string", default: "", help: "With disable: the reason that refused guests are shown" },
  "display-manager": {
    type: "string",
    value: "NAME",
    default: "",
    help: "With autologin: the display manager to set up",
  },
  session: { type: "string", default: "", help: "With autologin: the desktop session to start" },
  help: { type: "boolean", short: "h", default: false, help: "Show this help" },
  version: { type: "boolean", default: false, help: "Show the version" },
} as const;

export type Option = keyof typeof OPTIONS;

/** The options of every verb. */
export const COMMON = ["json", "help", "version"] as const satisfies readonly Option[];

export type VerbOption = Exclude<Option, (typeof COMMON)[number]>;

export interface Options {
  readonly service: string;
  readonly failed: boolean;
  readonly all: boolean;
  /** "" for none. */
  readonly reason: string;
  /** "" for the only one. */
  readonly "display-manager": string;
  /** "" for the only one, or if the display manager chooses. */
  readonly session: string;
}

/** "--all" or "--reason=REASON" */
export function formatLong(name: Option): string {
  const option = OPTIONS[name];
  if (option.type !== "string") return `--${name}`;
  return `--${name}=${"value" in option ? option.value : name.toUpperCase()}`;
}

/** "-a, --all" */
export function formatOption(name: Option): string {
  const option = OPTIONS[name];
  return `${"short" in option ? `-${option.short}, ` : ""}${formatLong(name)}`;
}
