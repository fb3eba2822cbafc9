// Whether sshd(8) accepts a guest's ChrootDirectory (sshd_config(5)). Pure; system/sshd-config.ts reads the rules.
import type { Account } from "./account.ts";
import { isWithin, pathBelow } from "./paths.ts";
import type { Step } from "./steps.ts";
import { fitsWildcards } from "./wildcards.ts";

export interface ChrootRule {
  /** FILE:LINE. */
  readonly at: string;
  readonly directory: string;
  /** The criteria of enclosing Match blocks, as words. All must match. */
  readonly under: readonly (readonly string[])[];
}

export interface ChrootedLogin {
  readonly account: Pick<Account, "user" | "uid" | "home">;
  readonly groups: readonly string[];
  readonly plan: readonly Step[];
}

/** "maybe" depends on where the login comes from. */
type Match = "yes" | "no" | "maybe";

export const asksForGroups = (rules: readonly ChrootRule[]): boolean =>
  rules.some(({ under }) => under.some((words) => words.some((word) => /^group$/i.test(word))));

/** Returns why sshd ends this login and what to use instead. The first matching rule counts. */
export function findChrootFault(rules: readonly ChrootRule[], login: ChrootedLogin): string | undefined {
  for (const rule of rules) {
    const match = matchAll(rule.under, login);
    if (match === "no") continue;
    const fault = judgeDirectory(rule, login);
    if (match === "yes" || fault !== undefined) return fault;
  }
  return undefined;
}

function matchAll(under: ChrootRule["under"], login: ChrootedLogin): Match {
  const matches = under.flatMap((words) => matchCriteria(words, login));
  if (matches.includes("no")) return "no";
  return matches.includes("maybe") ? "maybe" : "yes";
}

function matchCriteria(words: readonly string[], { account, groups }: ChrootedLogin): readonly Match[] {
  const matches: Match[] = [];
  for (let index = 0; index < words.length; index += 2) {
    const [criterion = "", patterns = ""] = words.slice(index);
    switch (criterion.toLowerCase()) {
      case "all":
        return matches;
      case "user":
        matches.push(matchPatterns(patterns, [account.user]));
        break;
      case "group":
        matches.push(matchPatterns(patterns, groups));
        break;
      case "invalid-user":
        return ["no"];
      default:
        matches.push("maybe");
    }
  }
  return matches;
}

/** A list such as "guest*,!guest7" (PATTERNS in ssh_config(5)). */
function matchPatterns(list: string, names: readonly string[]): Match {
  const patterns = list.split(",");
  const fits = (pattern: string) => names.some((name) => fitsWildcards(pattern, name));
  if (patterns.some((pattern) => pattern.startsWith("!") && fits(pattern.slice(1)))) return "no";
  return patterns.some(fits) ? "yes" : "no";
}

function judgeDirectory({ at, directory }: ChrootRule, { account, plan }: ChrootedLogin): string | undefined {
  if (directory.toLowerCase() === "none") return undefined;
  const fault = findFault(expandTokens(directory, account), account, plan);
  return fault === undefined
    ? undefined
    : `${at}: sshd ends logins with ChrootDirectory ${directory}, as ${fault}; write ${adviseInstead(account, plan)}.`;
}

function expandTokens(directory: string, { user, uid, home }: ChrootedLogin["account"]): string {
  const values: Readonly<Record<string, string>> = { h: home, u: user, U: String(uid), "%": "%" };
  const path = directory.replace(/%(.)/gs, (token, name: string) => values[name] ?? token);
  return path.replace(/\/+/g, "/").replace(/(.)\/$/, "$1");
}

/** sshd requires that root owns every directory of the path, and only root can write to it. */
function findFault(path: string, { home }: Pick<Account, "home">, plan: readonly Step[]): string | undefined {
  const cover = coverOf(path, plan);
  if (cover === undefined || cover.kind === "bind") return undefined;
  if (cover.kind === "tmpfs" && (cover.uid !== 0 || (cover.mode & 0o022) !== 0))
    return `guests can write to ${cover.target}, and it must be root's`;
  return path === cover.target || isWithin(home, path) ? undefined : "guests do not have that directory";
}

type Cover = Extract<Step, { readonly kind: "tmpfs" | "hide" | "bind" }>;

/** Returns what covers a path: the last step with the nearest target. Undefined if the view shows the host's file. */
function coverOf(path: string, plan: readonly Step[]): Cover | undefined {
  const covers = plan.filter(
    (step): step is Cover =>
      (step.kind === "tmpfs" || step.kind === "hide" || step.kind === "bind") && isWithin(path, step.target),
  );
  return covers.reduce<Cover | undefined>(
    (nearest, cover) => (nearest === undefined || isWithin(cover.target, nearest.target) ? cover : nearest),
    undefined,
  );
}

// Root owns the directory above the home. If hidden, it holds only this home.
function adviseInstead({ home, user }: ChrootedLogin["account"], plan: readonly Step[]): string {
  const above = home.slice(0, home.lastIndexOf("/"));
  const below = pathBelow(home, above) ?? "";
  if (coverOf(above, plan)?.kind !== "hide" || findFault(above, { home }, plan) !== undefined)
    return '"ForceCommand internal-sftp", without ChrootDirectory';
  return `"ChrootDirectory ${above}" and "ForceCommand internal-sftp -d /${below === user ? "%u" : below}"`;
}
