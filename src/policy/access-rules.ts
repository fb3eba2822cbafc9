// Whether pam_access (access.conf(5)) admits guests, as far as known before a login. Pure.
import type { RuleFile } from "./ghost-rules.ts";
import type { PamModule } from "./pam-stack.ts";

/** "unclear" depends on something unknown, such as a netgroup. */
export type AccessVerdict =
  { readonly kind: "admits" | "unclear" } | { readonly kind: "refuses"; /** FILE:LINE. */ readonly rule: string };

type Match = "yes" | "no" | "maybe";

/** Judges a local login of a leased account. The first matching rule counts; without one the account is admitted. */
export function judgeAccess(files: readonly RuleFile[], group: string, { args }: PamModule): AccessVerdict {
  if (args.some((word) => /^(accessfile|fieldsep|listsep)=/.test(word))) return { kind: "unclear" };
  const names = [`(${group})`, ...(args.includes("nodefgroup") ? [] : [group])];
  for (const { rule, permission, users, origins } of files.flatMap(splitRules)) {
    const fits = both(
      matchList(users, (word) => matchUser(word, names)),
      matchList(origins, matchOrigin),
    );
    if (fits === "yes") return permission === "-" ? { kind: "refuses", rule } : { kind: "admits" };
    // A "-" rule that may match is ignored: later rules decide.
    if (fits === "maybe" && permission === "+") return { kind: "unclear" };
  }
  return { kind: "admits" };
}

function splitRules({ kind, file, text }: RuleFile) {
  if (kind !== "access") return [];
  return text.split("\n").flatMap((line, index) => {
    const [permission = "", users, ...origins] = line.replace(/#.*/, "").split(":");
    if (users === undefined || origins.length === 0) return [];
    return [{ rule: `${file}:${index + 1}`, permission: permission.trim(), users, origins: origins.join(":") }];
  });
}

const both = (one: Match, other: Match): Match => {
  if (one === "no" || other === "no") return "no";
  return one === "yes" && other === "yes" ? "yes" : "maybe";
};

/** A list such as "ALL EXCEPT root". */
function matchList(list: string, matchWord: (word: string) => Match): Match {
  const [named = "", except, ...deeper] = list.split(/\bEXCEPT\b/i);
  const matchAny = (words: string): Match => {
    const matches = words
      .split(/[\s,]+/)
      .filter((word) => word !== "")
      .map(matchWord);
    return matches.find((match) => match === "yes") ?? matches.find((match) => match === "maybe") ?? "no";
  };
  if (except === undefined) return matchAny(named);
  const spared = deeper.length > 0 ? "maybe" : matchAny(except);
  return both(matchAny(named), spared === "maybe" ? "maybe" : spared === "yes" ? "no" : "yes");
}

function matchUser(word: string, names: readonly string[]): Match {
  if (word.toUpperCase() === "ALL" || names.includes(word)) return "yes";
  return word.includes("@") ? "maybe" : "no";
}

/** Addresses and domains: the ghost comes from none. */
const REMOTE = /^[\d.]+(\/[\d.]+)?$|^\.|\.$/;

function matchOrigin(word: string): Match {
  if (["ALL", "LOCAL"].includes(word.toUpperCase())) return "yes";
  return REMOTE.test(word) ? "no" : "maybe";
}
