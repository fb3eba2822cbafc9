// Finds rules of PAM modules that name the ghost and miss leased accounts, and automatic logins without a lease. Pure.

/** `kind`: the module that reads it. */
export interface RuleFile {
  readonly kind: "limits" | "access" | "time" | "group";
  readonly file: string;
  readonly text: string;
}

interface Form {
  readonly users: (rule: string) => string | undefined;
  /** What reaches all guests instead. */
  readonly instead: (group: string) => string;
}

// Leased accounts have this prefix. pam_time knows no groups.
const LEASED = "guest-*";

const FORMS: Readonly<Record<RuleFile["kind"], Form>> = {
  limits: { users: (rule) => rule.trim().split(/\s+/)[0], instead: (group) => `@${group}` },
  access: { users: (rule) => rule.split(":")[1], instead: (group) => `(${group})` },
  time: { users: (rule) => rule.split(";")[2], instead: () => LEASED },
  group: { users: (rule) => rule.split(";")[2], instead: (group) => `%${group}` },
};

/** Warns of rules that name the ghost but not its leased accounts. */
export function findGhostRules(files: readonly RuleFile[], ghost: string, group: string): readonly string[] {
  return files.flatMap(({ kind, file, text }) => {
    const { users, instead } = FORMS[kind];
    const rules = text.split("\n").map((line) => users(line.replace(/#.*/, "")) ?? "");
    const right = instead(group);
    const named = rules.map((names) => splitNames(names).includes(ghost));
    if (rules.some((names) => splitNames(names).includes(right))) return [];
    return named.flatMap((is, index) =>
      is ? [`${file}:${index + 1} names ${ghost}, and reaches no leased account; write ${right} as well.`] : [],
    );
  });
}

const splitNames = (names: string) => names.split(/[\s|&!,]+/);

/** A unit or drop-in that starts agetty(8). */
export interface UnitFile {
  readonly file: string;
  readonly text: string;
}

/** Returns options with which agetty logs in the ghost correctly. */
export const autologinInstead = (ghost: string): string => `--skip-login --login-options "-p -- ${ghost}"`;

/** Warns of units whose agetty skips the ghost's authentication. */
export const findAutologins = (units: readonly UnitFile[], ghost: string): readonly string[] =>
  units.flatMap(({ file, text }) => {
    const lines = text.replace(/\\\n/g, " ").split("\n");
    return lines.some((line) => skipsAuthentication(line, ghost))
      ? [
          `${file} has agetty log ${ghost} in without authentication, and such a login is refused; write ${autologinInstead(ghost)} instead of --autologin.`,
        ]
      : [];
  });

function skipsAuthentication(line: string, ghost: string): boolean {
  if (!/^\s*ExecStart\s*=.*\bagetty\b/.test(line) || !asksLoginToSkip(line)) return false;
  const words = line.split(/\s+/).map((word) => word.replace(/^(["'])(.*)\1$/, "$2"));
  return words.some(
    (word, index) =>
      word === `--autologin=${ghost}` ||
      word === `-a${ghost}` ||
      (/^(-a|--autologin)$/.test(word) && words[index + 1] === ghost),
  );
}

// Given options for login(1), agetty does not add -f, which skips authentication.
function asksLoginToSkip(line: string): boolean {
  const [, , options] = /\s(?:-o|--login-options)[=\s]*(["'])(.*?)\1/.exec(line) ?? [];
  return options === undefined || options.split(/\s+/).includes("-f");
}
