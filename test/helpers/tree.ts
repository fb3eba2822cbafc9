// The project's own files, for tests of house rules.
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";

export const PROJECT = join(import.meta.dirname, "../..");

/** Every file that git tracks or would track. */
export function listProjectFiles(): string[] {
  const list = execFileSync(
    "git",
    ["-c", "safe.directory=*", "-C", PROJECT, "ls-files", "--cached", "--others", "--exclude-standard"],
    { encoding: "utf8" },
  );
  return [...new Set(list.split("\n").filter((name) => name !== ""))].sort();
}

export const readProjectFile = (name: string): string => readFileSync(join(PROJECT, name), "utf8");
