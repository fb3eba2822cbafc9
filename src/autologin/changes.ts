// The changes to files of display managers, and how a text gets and loses them. Pure.

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
  /** A file that replaces a package's, which is moved aside. Upgrades change it there without a question. */
  | ChangeOf<"stand-in">;

export type Edit = Extract<Change, { readonly kind: "lines" | "prefix" }>;

/** The dpkg suffix keeps it from being listed as a PAM service. */
export const asideOf = (path: string): string => `${path}.dpkg-guestd`;

/** In each file of guestd's own. */
export const MARK = 'Written by "guestctl autologin enable"; "guestctl autologin disable" removes it';

const BEGIN = '# BEGIN guestd: "guestctl autologin disable" removes these lines';
const END = "# END guestd";
const LINES = /\n# BEGIN guestd:[^\n]*\n(?:[^\n]*\n)*?# END guestd\n/g;

const GREETER = "/usr/lib/guestd/guest-greeter.js";
const PREFIX = /\/usr\/lib\/guestd\/guest-greeter\.js (?:--[a-z]+=[\w.-]+ )*-- /g;

/** Logs the guest in, and otherwise runs the command that follows. */
export const greeterPrefix = (user: string, session: string): string =>
  `${GREETER} --user=${user} --session=${session} -- `;

/** As it was before enable changed it, byte for byte. */
export const withoutEdit = ({ kind }: Pick<Edit, "kind">, text: string): string =>
  kind === "lines" ? text.replace(LINES, "") : text.replace(PREFIX, "");

/** Undefined if there is no position for the change. */
export function withEdit(edit: Edit, text: string): string | undefined {
  const before = withoutEdit(edit, text);
  // The last line may lack a newline.
  if (edit.kind === "lines") return `${before}\n${BEGIN}\n${edit.text}${END}\n`;
  const [all, head = "", quote = ""] = COMMAND.exec(before) ?? [];
  if (all === undefined || quote.length > 1) return undefined;
  return before.replace(COMMAND, () => `${head}${quote}${edit.text}`);
}

/** greetd's command for its greeter, up to the opening quotes. */
const COMMAND = /(^\[default_session\][^\n]*\n(?:(?!\[)[^\n]*\n)*?[ \t]*command[ \t]*=[ \t]*)("""|'''|"|')/m;
