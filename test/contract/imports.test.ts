// Data flows one way: which files of src may import what.
import { dirname, join, normalize } from "node:path";
import { describe, expect, it } from "vitest";
import { listProjectFiles, readProjectFile } from "../helpers/tree.ts";

interface Import {
  readonly file: string;
  /** A path from the project's root, or a package. */
  readonly to: string;
  readonly typesOnly: boolean;
}

const sources = listProjectFiles().filter((name) => name.startsWith("src/") && name.endsWith(".ts"));

const imports: Import[] = sources.flatMap((file) =>
  [...readProjectFile(file).matchAll(/^import (type )?[^;]*?from "([^"]+)";$/gms)].map(([, type, target = ""]) => ({
    file,
    to: target.startsWith(".") ? normalize(join(dirname(file), target)) : target,
    typesOnly: type !== undefined,
  })),
);

/** By folder: allowed folders, which end in "/", and packages. "types:" allows only types. */
const RULES: Record<string, readonly string[]> = {
  "src/policy/": ["src/policy/", "types:src/config/schema.ts"],
  "src/config/": ["src/config/", "node:fs", "node:path"],
  "src/bus/": [
    "src/bus/",
    "src/policy/",
    "src/lanes.ts",
    "src/wait.ts",
    "types:src/config/",
    "dbus-next",
    "types:node:events",
  ],
  "src/system/": ["src/system/", "src/policy/", "src/lanes.ts", "src/wait.ts", "types:src/config/", "node:"],
  "src/autologin/": ["src/autologin/", "src/policy/", "node:"],
  "src/wait.ts": ["node:timers/promises"],
  "src/lanes.ts": ["node:timers/promises"],
  "src/cli/": [
    "src/cli/",
    "src/autologin/",
    "src/bus/client.ts",
    "types:src/bus/client.ts",
    "src/config/",
    "src/version.ts",
    "node:util",
  ],
};

function isAllowed({ to, typesOnly }: Import, rules: readonly string[]): boolean {
  return rules.some((rule) => {
    const prefix = rule.replace(/^types:/, "");
    if (rule.startsWith("types:") && !typesOnly) return false;
    return /[/:]$/.test(prefix) ? to.startsWith(prefix) : to === prefix;
  });
}

describe("imports", () => {
  it.each(Object.entries(RULES))("of %s follow their rules", (folder, rules) => {
    const own = imports.filter(({ file }) => file.startsWith(folder));
    expect(own.length).toBeGreaterThan(0);
    expect(own.filter((candidate) => !isAllowed(candidate, rules))).toEqual([]);
  });

  it("of the native addon are in one file", () => {
    expect(sources.filter((file) => readProjectFile(file).includes('"#guestns"'))).toEqual(["src/system/bindings.ts"]);
  });

  it("of the whole program occur only in entries and wiring", () => {
    const reach = (file: string) =>
      new Set(imports.filter((one) => one.file === file && !one.typesOnly).map(({ to }) => to.split("/")[1]));
    const wide = sources.filter((file) => reach(file).has("bus") && reach(file).has("system"));
    expect(wide).toEqual(["src/application.ts", "src/session-parts.ts", "src/start.ts"]);
  });

  it("of the policy reach nothing with side effects", () => {
    for (const file of sources.filter((name) => name.startsWith("src/policy/"))) {
      expect(readProjectFile(file), file).not.toMatch(/\b(Date\.now|Math\.random|process\.|setTimeout|await )\b/);
    }
  });
});
