// Reads rules of PAM modules in /etc/security. policy/ghost-rules.ts judges.
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import type { RuleFile } from "../policy/ghost-rules.ts";

const DIRECTORY = "/etc/security";
const KINDS = ["limits", "access", "time", "group"] as const;
/** More than an administrator writes by hand. */
const MOST_BYTES = 1024 * 1024;
const MOST_FILES = 100;

/** Returns the readable files, each module's main file first. */
export function readRuleFiles(directory = DIRECTORY): readonly RuleFile[] {
  return KINDS.flatMap((kind) =>
    [join(directory, `${kind}.conf`), ...listDropIns(join(directory, `${kind}.d`))].flatMap((file) => {
      const text = readRules(file);
      return text === undefined ? [] : [{ kind, file, text }];
    }),
  );
}

function listDropIns(directory: string): string[] {
  try {
    const names = readdirSync(directory).filter((name) => name.endsWith(".conf"));
    return names
      .sort()
      .slice(0, MOST_FILES)
      .map((name) => join(directory, name));
  } catch {
    return [];
  }
}

function readRules(file: string): string | undefined {
  try {
    const found = statSync(file);
    return found.isFile() && found.size <= MOST_BYTES ? readFileSync(file, "utf8") : undefined;
  } catch {
    return undefined;
  }
}
