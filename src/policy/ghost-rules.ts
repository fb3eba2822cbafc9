// Rules for PAM's modules that name the ghost: no leased account has that name, so they reach none. Pure.

/** A file of rules, by the module that reads it. */
export interface RuleFile {
  readonly kind: "limits" | "access" | "time" | "group";
  readonly file: string;
  readonly text: string;
}

interface Form {
  /** The names of a rule: what stands in its field of users. */
  readonly users: (rule: string) => string | undefined;
  /** What reaches the guests of a group instead. */
  readonly instead: (group: string) => string;
}

// The names of leased accounts begin so; pam_time knows no groups.
const LEASED = "guest-*";

const FORMS: Readonly<Record<RuleFile["kind"], Form>> = {
  limits: { users: (rule) => rule.trim().split(/\s+/)[0], instead: (group) => `@${group}` },
  access: { users: (rule) => rule.split(":")[1], instead: (group) => `(${group})` },
  time: { users: (rule) => rule.split(";")[2], instead: () => LEASED },
  group: { users: (rule) => rule.split(";")[2], instead: (group) => `%${group}` },
};

/** A sentence for each rule that names the ghost, and for none that names its guests as well. */
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
