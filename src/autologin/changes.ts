// What automatic logins of guests change in files of display managers, and how a text gets a change and loses it again. Pure.

interface ChangeOf<Kind extends string> {
  readonly kind: Kind;
  readonly path: string;
  readonly text: string;
}

export type Change =
  /** A file of guestd's own. */
  | ChangeOf<"own">
  /** Lines at the end of a file that is another's. */
  | ChangeOf<"lines">
  /** What stands before greetd's own command for its greeter. */
  | ChangeOf<"prefix">
  /** A file in the place of a package's, which goes aside: the package is upgraded there, without a question. */
  | ChangeOf<"stand-in">;

export type Edit = Extract<Change, { readonly kind: "lines" | "prefix" }>;

/** Where the file goes that another stands in for. As one of dpkg's it is no PAM service by itself. */
export const asideOf = (path: string): string => `${path}.dpkg-guestd`;

/** In the first lines of each file of guestd's own. */
export const MARK = 'Written by "guestctl autologin enable"; "guestctl autologin disable" removes it';

const BEGIN = '# BEGIN guestd: "guestctl autologin disable" removes these lines';
const END = "# END guestd";
const LINES = /\n# BEGIN guestd:[^\n]*\n(?:[^\n]*\n)*?# END guestd\n/g;

const GREETER = "/usr/lib/guestd/guest-greeter.js";
const PREFIX = /\/usr\/lib\/guestd\/guest-greeter\.js (?:--[a-z]+=[\w.-]+ )*-- /g;

/** The command that logs the guest in, and goes on with what stands behind it. */
export const greeterPrefix = (user: string, session: string): string =>
  `${GREETER} --user=${user} --session=${session} -- `;

/** A text without what enable has put into it, byte for byte as it would be. */
export const withoutEdit = ({ kind }: Pick<Edit, "kind">, text: string): string =>
  kind === "lines" ? text.replace(LINES, "") : text.replace(PREFIX, "");

/** A text with a change; undefined where it has no place for it. */
export function withEdit(edit: Edit, text: string): string | undefined {
  const before = withoutEdit(edit, text);
  // The line break before it ends a last line that has none.
  if (edit.kind === "lines") return `${before}\n${BEGIN}\n${edit.text}${END}\n`;
  const [all, head = "", quote = ""] = COMMAND.exec(before) ?? [];
  if (all === undefined || quote.length > 1) return undefined;
  return before.replace(COMMAND, () => `${head}${quote}${edit.text}`);
}

/** The command of the greeter in greetd's configuration, up to its opening quotes. */
const COMMAND = /(^\[default_session\][^\n]*\n(?:(?!\[)[^\n]*\n)*?[ \t]*command[ \t]*=[ \t]*)("""|'''|"|')/m;
