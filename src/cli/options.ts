// The options of guestctl, one row each. Some belong to every verb; a verb lists the
// others that it takes in commands.ts.

export const OPTIONS = {
  json: { type: "boolean", default: false, help: "Print JSON" },
  service: { type: "string", default: "login", help: "The PAM service of the login to explain (login)" },
  failed: { type: "boolean", default: false, help: "Of the receipts, those alone that name something left" },
  all: { type: "boolean", short: "a", default: false, help: "Show uids that are free as well" },
  reason: { type: "string", default: "", help: "What a guest is told who is refused" },
  "display-manager": {
    type: "string",
    value: "NAME",
    default: "",
    help: "Of several display managers, the one to set up",
  },
  session: { type: "string", default: "", help: "The desktop session that begins" },
  help: { type: "boolean", short: "h", default: false, help: "Show this" },
  version: { type: "boolean", default: false, help: "Show the version" },
} as const;

export type Option = keyof typeof OPTIONS;

/** The options of every verb. */
export const COMMON = ["json", "help", "version"] as const satisfies readonly Option[];

/** Options that a verb takes only if its row says so. */
export type VerbOption = Exclude<Option, (typeof COMMON)[number]>;

/** The options as a verb sees them: given, or the default. */
export interface Options {
  readonly service: string;
  readonly failed: boolean;
  readonly all: boolean;
  /** The reason shown to refused guests; "" for none. */
  readonly reason: string;
  /** "" for the only one. */
  readonly "display-manager": string;
  /** "" for the only one, or if the display manager chooses. */
  readonly session: string;
}

/** "--all", or "--reason=REASON". */
export function formatLong(name: Option): string {
  const option = OPTIONS[name];
  if (option.type !== "string") return `--${name}`;
  return `--${name}=${"value" in option ? option.value : name.toUpperCase()}`;
}

/** As formatLong(), with the letter before it: "-a, --all". */
export function formatOption(name: Option): string {
  const option = OPTIONS[name];
  return `${"short" in option ? `-${option.short}, ` : ""}${formatLong(name)}`;
}
