// DEPENDENCIES.md and debian/copyright name exactly what the installed files contain.
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { PROJECT, readProjectFile } from "../helpers/tree.ts";

interface Locked {
  readonly name?: string;
  readonly version: string;
  readonly license?: string;
  readonly dev?: boolean;
}

const text = readProjectFile("DEPENDENCIES.md");
const locked = (JSON.parse(readProjectFile("package-lock.json")) as { packages: Record<string, Locked> }).packages;
const { devDependencies, overrides } = JSON.parse(readProjectFile("package.json")) as {
  devDependencies: Record<string, string>;
  overrides: Record<string, Record<string, string>>;
};

/** Each row is a list of its cells. */
function readTable(heading: string): string[][] {
  const [, section = ""] = text.split(`\n## ${heading}\n`);
  const [own = ""] = section.split("\n## ");
  const rows = own
    .split("\n")
    .filter((line) => line.startsWith("| "))
    .slice(2);
  expect(rows.length, heading).toBeGreaterThan(0);
  return rows.map((row) =>
    row
      .split("|")
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );
}

const first = (rows: readonly string[][]) => rows.map(([name = ""]) => name).sort();

/** esbuild writes a comment above each file. */
function listBundled(program: string): string[] {
  const names = [...program.matchAll(/^\/\/ node_modules\/((?:@[^/]+\/)?[^/]+)\//gm)].map(([, name = ""]) => name);
  return [...new Set(names)].sort();
}

function bundlePrograms(): string[] {
  const out = mkdtempSync(join(tmpdir(), "guestd-bundle-"));
  try {
    execFileSync("node", [join(PROJECT, "packaging/bundle.mjs"), out]);
    return ["guestd.js", "guestctl.js", "guest-rehearsal.js", "guest-greeter.js"].map((name) =>
      readFileSync(join(out, name), "utf8"),
    );
  } finally {
    rmSync(out, { recursive: true });
  }
}

/** packaging/package includes their sources. */
function listVendored(): string[] {
  const [, list = ""] = /printf '%s\\0' \{([^}]+)\}\/LICENSE/.exec(readProjectFile("packaging/package")) ?? [];
  expect(list).not.toBe("");
  return list.split(",").sort();
}

const PROGRAMS = "npm packages in the installed files";
const HEADERS = "npm packages in the native parts";
const REPLACED = "npm packages that are left out, or are not the version that dbus-next asks for";

describe("the npm packages", () => {
  it("in the programs are those of the list and of debian/copyright", () => {
    const [daemon = "", client = ""] = bundlePrograms();
    expect(listBundled(daemon)).toEqual(first(readTable(PROGRAMS)));
    expect([daemon, client].filter((program) => program.includes("// packaging/left-out"))).toEqual([]);
    expect(listBundled(client).filter((name) => !listBundled(daemon).includes(name))).toEqual([]);
    const [, comment = ""] = readProjectFile("packaging/debian/copyright").split("of these npm packages:\n .\n");
    const named = [...(comment.split("\n .\n")[0] ?? "").matchAll(/^ {2}(\S+) +\S/gm)].map(([, name = ""]) => name);
    expect(named.sort()).toEqual(first(readTable(PROGRAMS)));
  });

  it("in the native parts are those of the list", () => {
    const withSources = [
      ...readTable(HEADERS),
      ...readTable(PROGRAMS).filter(([, , , , , where = ""]) => where.includes(".node")),
    ];
    expect(first(withSources)).toEqual(listVendored());
  });

  it.each([...readTable(PROGRAMS), ...readTable(HEADERS)])(
    "%s is version %s, under %s",
    (name = "", version, licence) => {
      const lock = locked[`node_modules/${name}`];
      expect(lock?.version).toBe(version);
      expect(lock?.license?.replace("MIT/X11", "MIT")).toBe(licence);
    },
  );

  it("with overrides are those of package.json", () => {
    const rows = readTable(REPLACED);
    const own = Object.entries(overrides["dbus-next"] ?? {});
    expect(Object.keys(overrides)).toEqual(["dbus-next"]);
    expect(first(rows)).toEqual([...own.map(([name]) => name), "safe-buffer", "sax"].sort());
    for (const [name, version] of own) {
      const here = devDependencies[name] === "file:packaging/left-out" ? "left out" : version;
      expect(rows.find(([row]) => row === name)?.[2], name).toBe(here);
    }
  });

  it("needed at run time are all listed", () => {
    const names = Object.entries(locked)
      .filter(([path, { dev }]) => path.startsWith("node_modules/") && dev !== true)
      .map(([path]) => path.replace(/^.*node_modules\//, ""));
    const known = [PROGRAMS, HEADERS, REPLACED].flatMap((heading) => first(readTable(heading)));
    expect(names.filter((name) => !known.includes(name))).toEqual([]);
  });
});

describe("the Debian packages", () => {
  it("are those of debian/control", () => {
    const control = readProjectFile("packaging/debian/control").replaceAll(/\n +/g, " ");
    const fields = [...control.matchAll(/^(?:Depends|Recommends): (.*)$/gm)].map(([, list = ""]) => list).join(",");
    const wanted = fields
      .replaceAll(/\$\{[^}]*\}|\([^)]*\)/g, "")
      .split(/[,|]/)
      .map((name) => name.trim())
      .filter((name) => name !== "");
    const named = first(readTable("Debian packages")).flatMap((cell) =>
      cell.replace(" (recommended)", "").split(", or "),
    );
    expect(named.sort()).toEqual(wanted.sort());
  });
});
