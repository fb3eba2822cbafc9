// The manual pages, the completion and the other documents say what the code's own tables say.
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { makeMethods } from "../../src/bus/methods.ts";
import type { MethodParts } from "../../src/bus/methods.ts";
import { COMMANDS } from "../../src/cli/commands.ts";
import { parseConfig } from "../../src/config/parse.ts";
import { listKeys } from "../../src/config/schema.ts";
import { MESSAGE_IDS } from "../../src/policy/messages.ts";
import { VERSION } from "../../src/version.ts";
import { listProjectFiles, PROJECT, readProjectFile } from "../helpers/tree.ts";

const MAN = "packaging/man";
const PAGES = ["guestctl.1", "guestd.8", "guestd.conf.5", "pam_guest.8"];
const DOCUMENTS = ["README.md", "HACKING.md", "SECURITY.md", "DEPENDENCIES.md", "CONTRIBUTING.md"];

interface Item {
  /** Headings of section and subsection. */
  readonly section: string;
  readonly part: string;
  /** What is explained: the line after .TP, and those after .TQ. */
  readonly terms: string[];
  text: string;
}

/** A line of man(7) as a person reads it: no fonts, no macros. */
function plain(line: string): string {
  const escapes: Record<string, string> = { "(aq": "'", "(dq": '"', "(->": "->", "-": "-", "&": "" };
  return line.replace(/^\.(B|I|BR|BI|RI|IR|RS|RE|br|nf|fi|PP|IP)\b ?/, "").replace(/\\(f[BIR]|\(aq|\(dq|\(->|-|&)/g, (_, name: string) => escapes[name] ?? "");
}

const words = (text: string) => text.split(/\s+/).filter((word) => word !== "").join(" ");

/** The items (.TP) of a page, with their text in one line. */
function readItems(page: string): Item[] {
  const items: Item[] = [];
  let [section, part, item, expects]: [string, string, Item | undefined, boolean] = ["", "", undefined, false];
  for (const line of readProjectFile(`${MAN}/${page}`).split("\n")) {
    const heading = /^\.(SH|SS) "?([^"]*)"?$/.exec(line);
    if (heading !== null) {
      [section, part] = heading[1] === "SH" ? [heading[2] ?? "", ""] : [section, heading[2] ?? ""];
      item = undefined;
    } else if (line === ".TP" || line === ".TQ") {
      if (line === ".TP" || item === undefined) items.push((item = { section, part, terms: [], text: "" }));
      expects = true;
    } else if (item !== undefined && expects) {
      item.terms.push(words(plain(line)));
      expects = false;
    } else if (item !== undefined) {
      item.text = words(`${item.text} ${plain(line)}`);
    }
  }
  return items;
}

const termsOf = (page: string, section: string, part?: string) =>
  readItems(page).filter((item) => item.section === section && (part === undefined || item.part === part)).flatMap(({ terms }) => terms);

/** What stands between two texts of a source file. */
function cut(file: string, from: string, to: string): string {
  const [, rest = ""] = readProjectFile(file).split(from);
  const [found = ""] = rest.split(to);
  expect(found, `${file} between ${from} and ${to}`).not.toBe("");
  return found;
}

/** The names of guestctl's options, as main.ts reads them. */
const options = [...cut("src/cli/main.ts", "const OPTIONS = {", "} as const").matchAll(/^ {2}(\w+): \{ type: "(\w+)"(?:, short: "(\w)")?/gm)].map(
  ([, name = "", type, short]) => ({ name: `--${name}`, takesValue: type === "string", ...(short === undefined ? {} : { short: `-${short}` }) }),
);

describe("every manual page", () => {
  it.each(PAGES)("%s has its name, the version, and says what failure does", (page) => {
    const [, name = "", section = ""] = /^(.*)\.(\d)$/.exec(page) ?? [];
    const text = readProjectFile(`${MAN}/${page}`);
    expect(text).toContain(`.TH ${name.toUpperCase()} ${section} "" "guestd ${VERSION}" "guestd"\n`);
    expect(text).toContain('\n.SH "WHEN IT FAILS"\n');
  });

  it("is one of those that are tested here", () => {
    expect(listProjectFiles().filter((name) => name.startsWith(`${MAN}/`))).toEqual(PAGES.map((page) => `${MAN}/${page}`));
  });
});

describe("guestd.conf(5)", () => {
  const items = readItems("guestd.conf.5").filter(({ section }) => section === "OPTIONS");

  it("has every key of the table, in its section and order, and no other", () => {
    const keys = items.map(({ part, terms }) => `${part} ${terms.map((term) => term.replace(/=.*/, "")).join(" ")}`);
    expect(keys).toEqual(listKeys().map(({ section, name }) => `[${section}] ${name}`));
  });

  it.each(listKeys().map((row) => ({ ...row, title: `[${row.section}] ${row.name}` })))("tells help and default of $title", ({ section, name, key }) => {
    const text = items.find(({ part, terms }) => part === `[${section}]` && terms[0]?.startsWith(`${name}=`))?.text ?? "";
    expect(text.startsWith(key.help), text).toBe(true);
    expect(text.endsWith(` Default: ${key.initial === "" ? "empty" : key.initial}`), text).toBe(true);
  });
});

describe("guestctl(1)", () => {
  it("has every verb with its arguments, and no other", () => {
    const verbs = COMMANDS.flatMap(({ name, args }) => (name === "config" ? ["config", "config check [FILE...]"] : [words(`${name} ${args}`)]));
    expect(termsOf("guestctl.1", "VERBS").sort()).toEqual(verbs.sort());
    expect(COMMANDS.find(({ name }) => name === "config")?.args).toBe("[check [FILE...]]");
  });

  it("has every option, and no other", () => {
    const wanted = options.map(({ name, short, takesValue }) => `${short === undefined ? "" : `${short}, `}${name}${takesValue ? `=${name.slice(2).toUpperCase()}` : ""}`);
    expect(wanted.length).toBeGreaterThan(0);
    expect(termsOf("guestctl.1", "OPTIONS").sort()).toEqual(wanted.sort());
  });

  it("has the exit codes of the program", () => {
    expect(termsOf("guestctl.1", "EXIT STATUS")).toEqual(["0", "1", "2"]);
  });
});

describe("guestd(8)", () => {
  it("has the methods with their signatures", () => {
    const signature = (list = "") => [...list.matchAll(/(\S+) \w+(?:, |$)/g)].map(([, type]) => type).join("");
    const documented = termsOf("guestd.8", "BUS INTERFACE", "Methods").map((term) => {
      const [, name = "", input, output] = /^(\w+)\((.*?)\)(?: -> (.+))?$/.exec(term) ?? [];
      return `${name} ${signature(input)} ${signature(output)}`;
    });
    const rows = makeMethods({} as MethodParts).map(({ name, input, output }) => `${name} ${input} ${output}`);
    expect(documented.sort()).toEqual(rows.sort());
  });

  it("has the signals and errors of the contract", () => {
    const xml = readProjectFile("systemd/org.guestd1.xml");
    const names = (pattern: RegExp) => [...xml.matchAll(pattern)].map(([, name]) => name);
    expect(termsOf("guestd.8", "BUS INTERFACE", "Signals").map((term) => term.replace(/\(.*/, ""))).toEqual(names(/<signal name="(\w+)"/g));
    expect(termsOf("guestd.8", "BUS INTERFACE", "Errors")).toEqual(names(/org\.guestd1\.Error\.(\w+) /g));
  });

  it("has every action with its MESSAGE_ID, and every field", () => {
    const rows = [...readProjectFile(`${MAN}/guestd.8`).matchAll(/^([a-z\\-]+)\t([0-9a-f]{32})$/gm)];
    expect(Object.fromEntries(rows.map(([, name = "", id]) => [plain(name), id]))).toEqual(MESSAGE_IDS);
    const fields = readProjectFile("src/system/journal.ts").match(/\b(?:GUEST_[A-Z]+|ERRNO)\b/g) ?? [];
    const documented = termsOf("guestd.8", "JOURNAL", "Fields").flatMap((term) => term.replaceAll("=", "").split(", "));
    expect(documented.sort()).toEqual([...new Set(fields)].sort());
  });

  it("has the process signals that the daemon handles", () => {
    const handled = [...readProjectFile("src/start.ts").matchAll(/process\.on\("(SIG\w+)"/g)].map(([, name = ""]) => name);
    expect(termsOf("guestd.8", "SIGNALS").sort()).toEqual(handled.sort());
  });
});

describe("pam_guest(8)", () => {
  const options = readProjectFile("pam/options.c");
  const hooks = ["pam/pam_guest.c", "pam/authenticate.c"].map(readProjectFile).join("\n");

  it("has the options of the module, with their defaults", () => {
    const names = [...cut("pam/options.c", "struct options options_parse", "return options;").matchAll(/cmp\(argv\[i\], "([^"]+)"/g)].map(([, name]) => name);
    const documented = readItems("pam_guest.8").filter(({ section }) => section === "OPTIONS");
    expect(documented.map(({ terms }) => terms.join(" ").replace(/=.*/, "=")).sort()).toEqual(names.sort());
    const [, group] = /\.group = "(\w+)"/.exec(options) ?? [];
    const [, seconds] = /#define SECONDS (\d+)/.exec(options) ?? [];
    const [, most] = /#define SECONDS_MAX (\d+)/.exec(options) ?? [];
    const textOf = (name: string) => documented.find(({ terms }) => terms[0]?.startsWith(name))?.text;
    expect(textOf("group=")).toMatch(new RegExp(` Default: ${String(group)}\\.`));
    expect(textOf("timeout=")).toMatch(new RegExp(` from 1 to ${String(most)}\\. Default: ${String(seconds)}\\.`));
  });

  it("has the return values of the hooks", () => {
    const returned = [...hooks.matchAll(/return ([^;]*);/g)].map(([, value]) => value).join(" ");
    const values = new Set([...returned.matchAll(/(?<!== )\bPAM_\w+/g)].map(([name]) => name));
    expect(values.size).toBeGreaterThan(3);
    expect(new Set(termsOf("pam_guest.8", "RETURN VALUES"))).toEqual(values);
  });

  it("shows the profile that is installed, and the module's own sentence", () => {
    const profile = cut("packaging/pam-configs", "Session:\n", "\n\n").trim().split("\n").map((line) => words(`session ${line}`)).join(" ");
    const [page = "", daemonPage = ""] = ["pam_guest.8", "guestd.8"].map((name) => words(readProjectFile(`${MAN}/${name}`).split("\n").map(plain).join(" ")));
    expect(page).toContain(profile);
    // pam-auth-update makes a number of "end": pam_unix and pam_deny stand below. In a stack of its own there is none to jump over.
    const auth = words(`auth ${cut("packaging/pam-configs", "Auth:\n", "\n")}`);
    expect(page).toContain(auth.replace("success=end", "success=2"));
    expect(daemonPage).toContain(auth.replace("success=end", "success=done"));
    const [, ...sentence] = /sentence = "([^"]+)"\s+"([^"]+)"/.exec(readProjectFile("pam/hook_common.c")) ?? [];
    expect(sentence).toHaveLength(2);
    expect(page).toContain(sentence.join(""));
  });
});

/** What bash offers at the end of this line; a guestctl of the test's own stands in for the real one. */
function complete(...line: string[]): string[] {
  const script = `
    guestctl() {
      case $1 in
        list) printf '[\\n  {\\n    "id": "abcdefghij",\\n    "user": "guest1"\\n  },\\n  {\\n    "id": "k2345mnopq"\\n  }\\n]\\n' ;;
        receipts) printf '[\\n  {\\n    "id": "zyxwvutsrq",\\n    "swept": [],\\n    "left": [\\n      "id: x"\\n    ]\\n  }\\n]\\n' ;;
        leases) printf 'UID    STATE        USER  SESSION  REASON\\n60600  leased       a  abc  -\\n60601  quarantined  b  -  files: 2\\n60602  foreign      -  -  x\\n' ;;
      esac
    }
    . "$1"; shift
    COMP_WORDS=(guestctl "$@") COMP_CWORD=$#
    _guestctl
    printf '%s\\n' "\${COMPREPLY[@]}"`;
  const file = join(PROJECT, "packaging/completions/guestctl.bash");
  const out = execFileSync("bash", ["--norc", "-c", script, "bash", file, ...line], { encoding: "utf8" });
  return out.split("\n").filter((word) => word !== "").sort();
}

describe("the completion offers", () => {
  it("every verb", () => {
    expect(complete("")).toEqual(COMMANDS.map(({ name }) => name).sort());
    expect(complete("--json", "ex")).toEqual(["explain"]);
  });

  it("every option", () => {
    const all = options.flatMap(({ name, short, takesValue }) => [`${name}${takesValue ? "=" : ""}`, ...(short === undefined ? [] : [short])]);
    expect(complete("-")).toEqual(all.sort());
    expect(complete("show", "--j")).toEqual(["--json"]);
  });

  it.each(["show", "end"])("the sessions to %s, again and again", (verb) => {
    expect(complete(verb, "")).toEqual(["abcdefghij", "k2345mnopq"]);
    expect(complete("--service", "=", "login", verb, "abcdefghij", "k")).toEqual(["k2345mnopq"]);
  });

  it("the receipts that are kept", () => {
    expect(complete("receipt", "")).toEqual(["zyxwvutsrq"]);
    expect(complete("receipts", "")).toEqual([]);
  });

  it("the uids that are kept back", () => {
    expect(complete("lease", "")).toEqual(["release"]);
    expect(complete("lease", "release", "")).toEqual(["60601", "60602"]);
    expect(complete("lease", "release", "60601", "60602")).toEqual(["60602"]);
    expect(complete("lease", "x", "")).toEqual([]);
  });

  it("one user to explain", () => {
    expect(complete("explain", "roo")).toEqual(["root"]);
    expect(complete("explain", "root", "")).toEqual([]);
  });

  it("files to check", () => {
    expect(complete("config", "")).toEqual(["check"]);
    expect(complete("config", "check", "/etc/passw")).toContain("/etc/passwd");
    expect(complete("list", "")).toEqual([]);
  });
});

describe("the documents", () => {
  it.each(DOCUMENTS)("%s names only files that there are", (document) => {
    const files = listProjectFiles();
    const text = readProjectFile(document);
    const named = [...text.matchAll(/(?<![\w/.])((?:src|native|pam|systemd|etc|test|packaging|\.ci)\/[\w@./-]*\w)|\]\(([\w./-]+)\)/g)].map(([, path, link]) => path ?? link ?? "");
    expect(named.filter((path) => !files.some((file) => file === path || file.startsWith(`${path}/`)))).toEqual([]);
    expect(named.length).toBeGreaterThan(0);
  });

  it.each(DOCUMENTS)("%s runs only npm scripts and verbs that there are", (document) => {
    const text = readProjectFile(document);
    const { scripts } = JSON.parse(readProjectFile("package.json")) as { scripts: Record<string, string> };
    const npm = [...text.matchAll(/npm run (\w+)|npm (test)\b/g)].map(([, run, test]) => run ?? test ?? "");
    expect(npm.filter((name) => !(name in scripts))).toEqual([]);
    const verbs = [...text.matchAll(/(?:^ {4}|`|sudo )guestctl ([a-z]\w*)/gm)].map(([, verb]) => verb);
    expect(verbs.filter((verb) => !COMMANDS.some(({ name }) => name === verb))).toEqual([]);
  });

  it("SECURITY.md has a test for each known attack, or says that there is none yet", () => {
    const [, table = ""] = readProjectFile("SECURITY.md").split("\n## Known attacks\n");
    const rows = table.split("\n").filter((line) => line.startsWith("| ")).slice(2).map((line) => line.split(" | "));
    expect(rows.length).toBeGreaterThan(20);
    expect(rows.filter((cells) => cells.length !== 3 || !/`test\/\S+\.test\.ts`|none yet/.test(cells[2] ?? ""))).toEqual([]);
  });

  it("README.md and guestd.conf(5) have an example that is a good configuration", () => {
    const readme = /```ini\n(.*?)```/s.exec(readProjectFile("README.md"))?.[1] ?? "";
    const page = cut(`${MAN}/guestd.conf.5`, ".SH EXAMPLES", ".fi").split(".RS\n")[1]?.replace(".RE\n", "") ?? "";
    for (const text of [readme, page]) {
      const result = parseConfig([{ path: "example", text }]);
      expect(result).toMatchObject({ ok: true });
      expect(result.ok && result.settings.filter(({ origin }) => origin !== "default").length).toBeGreaterThan(2);
    }
  });

  it("README.md and guestd(8) tell the same filter of the journal", () => {
    const filter = "_SYSTEMD_UNIT=guestd.service _UID=0";
    for (const file of ["README.md", `${MAN}/guestd.8`, `${MAN}/guestctl.1`]) expect(readProjectFile(file), file).toContain(filter);
  });
});
