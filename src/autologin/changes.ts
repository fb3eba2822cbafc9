// The changes that automatic logins make to files of display managers, and how a text gets
// and loses such a change. Pure.

interface ChangeOf<Kind extends string> {
  readonly kind: Kind;
  readonly path: string;
  readonly text: string;
}

export type Change =
  /** A file of guestd's own. */
  | ChangeOf<"own">
  /** Lines at the end of another file. */
  | ChangeOf<"lines">
  /** A prefix of greetd's command for its greeter. */
  | ChangeOf<"prefix">
  /**
   * A file that replaces a package's. The package's file is moved aside, where upgrades change it without a question.
   */
  | ChangeOf<"stand-in">;

export type Edit = Extract<Change, { readonly kind: "lines" | "prefix" }>;

/** Where the replaced file goes. Its dpkg suffix keeps it from being listed as a PAM service. */
export const asideOf = (path: string): string => `${path}.dpkg-guestd`;

/** In the first lines of each file of guestd's own. */
export const MARK = 'Written by "guestctl autologin enable"; "guestctl autologin disable" removes it';

const BEGIN = '# BEGIN guestd: "guestctl autologin disable" removes these lines';
const END = "# END guestd";
const LINES = /\n# BEGIN guestd:[^\n]*\n(?:[^\n]*\n)*?# END guestd\n/g;

const GREETER = "/usr/lib/guestd/guest-greeter.js";
const PREFIX = /\/usr\/lib\/guestd\/guest-greeter\.js (?:--[a-z]+=[\w.-]+ )*-- /g;

/** The command that logs the guest in, and otherwise runs the command that follows it. */
export const greeterPrefix = (user: string, session: string): string =>
  `${GREETER} --user=${user} --session=${session} -- `;

/** The text as it was before enable changed it, byte for byte. */
export const withoutEdit = ({ kind }: Pick<Edit, "kind">, text: string): string =>
  kind === "lines" ? text.replace(LINES, "") : text.replace(PREFIX, "");

/** The text with a change; undefined if there is no position for it. */
export function withEdit(edit: Edit, text: string): string | undefined {
  const before = withoutEdit(edit, text);
  // Starts with a newline because the last line may lack one.
  if (edit.kind === "lines") return `${before}\n${BEGIN}\n${edit.text}${END}\n`;
  const [all, head = "", quote = ""] = COMMAND.exec(before) ?? [];
  if (all === undefined || quote.length > 1) return undefined;
  return before.replace(COMMAND, () => `${head}${quote}${edit.text}`);
}

/** The command of the greeter in greetd's configuration, up to its opening quotes. */
const COMMAND = /(^\[default_session\][^\n]*\n(?:(?!\[)[^\n]*\n)*?[ \t]*command[ \t]*=[ \t]*)("""|'''|"|')/m;
