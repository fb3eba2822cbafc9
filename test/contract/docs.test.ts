// The completion and the documents agree with the code's tables. man-*.test.ts checks the manual pages.
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { COMMANDS } from "../../src/cli/commands.ts";
import type { Option } from "../../src/cli/options.ts";
import { COMMON, OPTIONS } from "../../src/cli/options.ts";
import { parseConfig } from "../../src/config/parse.ts";
import { filesOf, readInstructions } from "../helpers/document.ts";
import { MAN } from "../helpers/man.ts";
import { listProjectFiles, PROJECT, readProjectFile } from "../helpers/tree.ts";

const DOCUMENTS = [
  ...["README.md", "HACKING.md", "SECURITY.md", "DEPENDENCIES.md", "CONTRIBUTING.md"],
  ...listProjectFiles().filter((name) => /^docs\/.*\.md$/.test(name)),
];

/** By GitHub's rules. */
const anchorOf = (heading: string) =>
  heading
    .toLowerCase()
    .replace(/[^\w\- ]/g, "")
    .replaceAll(" ", "-");

/** Links to documents and their sections, as paths from the project's root. */
const linksOf = (document: string) =>
  [...readProjectFile(document).matchAll(/\]\((?!https?:)([^)#\s]*)(?:#([^)\s]*))?\)/g)].map(
    ([, path = "", anchor]) => ({ path: path === "" ? document : join(dirname(document), path), anchor }),
  );

/** guestd's files, and others beside them. */
const FILES = [
  ...["abcdefghij.json", "k2345mnopq.json", "k2345mnopr.json.new", "x.json.rejected"].map(
    (name) => `run/guestd/sessions/${name}`,
  ),
  ...["clean/zyxwvutsrq.json", "dirty/yyxwvutsrq.json"].map((name) => `var/lib/guestd/receipts/${name}`),
  ...["60601", "60602", "60603.new"].map((name) => `var/lib/guestd/quarantine/${name}`),
];
let root: string;
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), "guestd-completion-"));
  for (const file of FILES) {
    mkdirSync(dirname(join(root, file)), { recursive: true });
    writeFileSync(join(root, file), "");
  }
});
afterAll(() => {
  rmSync(root, { recursive: true });
});

/** bash's completions of this line. Starting a program for it would be slow. */
function complete(...line: string[]): string[] {
  const script = `
    _guestctl_root=$1; shift
    guestctl() { echo guestctl-was-started; }
    . "$1"; shift
    COMP_WORDS=(guestctl "$@") COMP_CWORD=$#
    _guestctl
    printf '%s\\n' "\${COMPREPLY[@]}"`;
  const file = join(PROJECT, "packaging/completions/guestctl.bash");
  const out = execFileSync("bash", ["--norc", "-c", script, "bash", root, file, ...line], { encoding: "utf8" });
  return out
    .split("\n")
    .filter((word) => word !== "")
    .sort();
}

describe("the completion offers", () => {
  it("every verb", () => {
    expect(complete("")).toEqual(COMMANDS.map(({ name }) => name).sort());
    expect(complete("--json", "ex")).toEqual(["explain"]);
  });

  const formsOf = (options: readonly Option[]) =>
    options
      .flatMap((name) => {
        const option = OPTIONS[name];
        return [`--${name}${option.type === "string" ? "=" : ""}`, ...("short" in option ? [`-${option.short}`] : [])];
      })
      .sort();

  it("every option before a verb", () => {
    expect(complete("-")).toEqual(formsOf(Object.keys(OPTIONS) as Option[]));
    expect(complete("--json", "--f")).toEqual(["--failed"]);
  });

  it.each(COMMANDS)("the options of $name, and no other", ({ name, options = [] }) => {
    expect(complete(name, "-")).toEqual(formsOf([...COMMON, ...options]));
    expect(complete("--json", name, "x", "--j")).toEqual(["--json"]);
  });

  it.each(["show", "end"])("the sessions to %s, repeatedly", (verb) => {
    expect(complete(verb, "")).toEqual(["abcdefghij", "k2345mnopq"]);
    expect(complete("--service", "=", "login", verb, "abcdefghij", "k")).toEqual(["k2345mnopq"]);
  });

  it("the stored receipts", () => {
    expect(complete("receipt", "")).toEqual(["yyxwvutsrq", "zyxwvutsrq"]);
    expect(complete("receipts", "")).toEqual([]);
  });

  it("the quarantined UIDs", () => {
    expect(complete("lease", "")).toEqual(["release"]);
    expect(complete("lease", "release", "")).toEqual(["60601", "60602"]);
    expect(complete("lease", "release", "60601", "60602")).toEqual(["60602"]);
    expect(complete("lease", "x", "")).toEqual([]);
  });

  it("what to do with automatic logins, and the display managers", () => {
    expect(complete("autologin", "")).toEqual(["disable", "enable", "status"]);
    expect(complete("autologin", "enable", "")).toEqual([]);
    expect(complete("autologin", "--display-manager", "=", "g")).toEqual(["gdm", "greetd"]);
    expect(complete("--session", "=", "kiosk", "autologin", "e")).toEqual(["enable"]);
  });

  it("one user to explain", () => {
    expect(complete("explain", "roo")).toEqual(["root"]);
    expect(complete("explain", "root", "")).toEqual([]);
  });

  it("nothing that guestd does not have", () => {
    rmSync(join(root, "run"), { recursive: true });
    expect(complete("end", "")).toEqual([]);
  });

  it("files to check", () => {
    expect(complete("config", "")).toEqual(["check"]);
    expect(complete("config", "check", "/etc/passw")).toContain("/etc/passwd");
    expect(complete("list", "")).toEqual([]);
  });
});

describe("the documents", () => {
  it.each(DOCUMENTS)("%s names only files that exist", (document) => {
    const files = listProjectFiles();
    const text = readProjectFile(document);
    const named = [
      ...text.matchAll(/(?<![\w/.-])((?:src|native|pam|systemd|etc|test|packaging|\.ci)\/[\w@./-]*\w)/g),
    ].map(([, path = ""]) => path);
    const linked = linksOf(document).map(({ path }) => path);
    expect(
      [...named, ...linked].filter((path) => !files.some((file) => file === path || file.startsWith(`${path}/`))),
    ).toEqual([]);
    expect(named.length + linked.length).toBeGreaterThan(0);
  });

  it.each(DOCUMENTS)("%s links only to sections that exist", (document) => {
    const links = linksOf(document).filter(({ path, anchor }) => path.endsWith(".md") && anchor !== undefined);
    const missing = links.filter(({ path, anchor }) => {
      const headings = [...readProjectFile(path).matchAll(/^#+ (.*)$/gm)].map(([, heading = ""]) => heading);
      return !headings.map(anchorOf).includes(anchor ?? "");
    });
    expect(missing).toEqual([]);
  });

  it.each(DOCUMENTS)("%s runs only npm scripts and verbs that exist", (document) => {
    const text = readProjectFile(document);
    const { scripts } = JSON.parse(readProjectFile("package.json")) as { scripts: Record<string, string> };
    const npm = [...text.matchAll(/npm run (\w+)|npm (test)\b/g)].map(([, run, test]) => run ?? test ?? "");
    expect(npm.filter((name) => !(name in scripts))).toEqual([]);
    const verbs = [...text.matchAll(/(?:^ {4}|`|sudo )guestctl ([a-z]\w*)/gm)].map(([, verb]) => verb);
    expect(verbs.filter((verb) => !COMMANDS.some(({ name }) => name === verb))).toEqual([]);
  });

  it(`SECURITY.md names the fixed version of each vulnerability, and a test or "None yet"`, () => {
    const [, section = ""] = readProjectFile("SECURITY.md").split("\n## Vulnerabilities of guestd\n");
    const rows =
      section
        .split("\n## ")[0]
        ?.split("\n")
        .filter((line) => line.startsWith("| "))
        .map((line) =>
          line
            .split("|")
            .slice(1, -1)
            .map((cell) => cell.trim()),
        ) ?? [];
    expect(rows[0]).toEqual(["CVE", "versions", "fixed in", "what an attacker could do", "test"]);
    const known = rows.slice(2);
    if (known.length === 1 && known[0]?.[0] === "none so far") return;
    expect(known.length).toBeGreaterThan(0);
    const versions = [...readProjectFile("NEWS.md").matchAll(/^## (\S+)/gm)].map(([, version]) => version);
    expect(
      known.filter(
        ([cve = "", , mended, , test = ""]) =>
          !/^CVE-\d{4}-\d+$/.test(cve) || !versions.includes(mended) || !/`test\/\S+\.test\.ts`/.test(test),
      ),
    ).toEqual([]);
  });

  it("docs/getting-started.md preseeds the package's question", () => {
    const [, name, type] =
      /^Template: (\S+)\nType: (\S+)\n/m.exec(readProjectFile("packaging/debian/guestd.templates")) ?? [];
    expect(readProjectFile("docs/getting-started.md")).toContain(
      `\n    echo 'guestd ${String(name)} ${String(type)} true' | sudo debconf-set-selections\n`,
    );
  });

  it(`SECURITY.md names a test for each known attack, or "None yet"`, () => {
    const [, table = ""] = readProjectFile("SECURITY.md").split("\n## Known attacks\n");
    const rows = table
      .split("\n")
      .filter((line) => line.startsWith("| "))
      .slice(2)
      .map((line) => line.split(" | "));
    expect(rows.length).toBeGreaterThan(20);
    expect(
      rows.filter((cells) => cells.length !== 3 || !/`test\/\S+\.test\.ts`|none yet/.test(cells[2] ?? "")),
    ).toEqual([]);
  });

  it("have examples that are good configurations", () => {
    const examples = DOCUMENTS.flatMap((document) => filesOf(readInstructions(readProjectFile(document)))).filter(
      ({ path }) => path.startsWith("/etc/guestd/guestd.conf.d/"),
    );
    expect(examples.length).toBeGreaterThan(5);
    for (const example of examples) {
      const result = parseConfig([example]);
      expect(result, example.path).toMatchObject({ ok: true });
      expect(result.ok && result.settings.filter(({ origin }) => origin !== "default").length).toBeGreaterThan(0);
    }
  });

  it("docs/operations.md and guestd(8) tell the same filter of the journal", () => {
    const filter = "_SYSTEMD_UNIT=guestd.service _UID=0";
    for (const file of ["docs/operations.md", `${MAN}/guestd.8`, `${MAN}/guestctl.1`])
      expect(readProjectFile(file), file).toContain(filter);
  });
});
