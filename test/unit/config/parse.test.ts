import { describe, expect, it } from "vitest";
import { formatConfigError, parseConfig } from "../../../src/config/parse.ts";
import type { SectionName } from "../../../src/config/schema.ts";
import { listKeys } from "../../../src/config/schema.ts";

const parse = (...texts: string[]) => parseConfig(texts.map((text, index) => ({ path: `f${index}`, text })));
const errorsOf = (...texts: string[]) => {
  const result = parse(...texts);
  return result.ok ? [] : result.errors.map(formatConfigError);
};
const valueOf = (section: string, key: string, ...texts: string[]) => {
  const result = parse(...texts);
  if (!result.ok) throw new Error(JSON.stringify(result.errors));
  return result.settings.find((setting) => setting.section === section && setting.key === key);
};

describe("parseConfig refuses", () => {
  it.each([
    ["an unknown section", "[Nonsense]\nA=1", "f0:1: unknown section [Nonsense]"],
    ["an unknown key", "[Guests]\nEnbled=yes", "f0:2: unknown key Enbled= in [Guests]"],
    ["a key before any section", "Enabled=yes", "f0:1: Enabled= stands before the first [SECTION]"],
    ["a line that is no assignment", "[Guests]\nEnabled", "f0:2: expected [SECTION] or KEY=VALUE"],
    ["a bad boolean", "[Guests]\nEnabled=perhaps", "f0:2: Enabled=perhaps: expected yes or no"],
    ["a bad size", "[Home]\nSize=lots", "f0:2: Size=lots: expected a size such as 512M or 25%"],
    ["a size of nothing", "[Home]\nSize=0", "f0:2: Size=0: expected a size"],
    ["more than all of the memory", "[Home]\nSize=101%", "f0:2: Size=101%: expected a size"],
    ["a relative path", "[View]\nHide=home", "f0:2: Hide=home: expected absolute paths"],
    ["a path with ..", "[View]\nHide=/home/../etc", "f0:2: Hide=/home/../etc: expected absolute paths"],
    ["the root as a path to hide", "[View]\nHide=/", "f0:2: Hide=/: expected absolute paths"],
    [
      "an absolute path where one below /etc is expected",
      "[Etc]\nHide=/etc/issue",
      "f0:2: Hide=/etc/issue: expected paths below /etc",
    ],
    ["an unknown choice", "[Etc]\nMode=magic", "f0:2: Mode=magic: expected one of overlay, bind"],
    ["a bind with an unknown mode", "[View]\nBind=/a:/b:rx", "f0:2: Bind=/a:/b:rx: expected SOURCE"],
    ["a key named like a property of Object", "[Guests]\nconstructor=1", "f0:2: unknown key constructor="],
    ["a section named like a property of Object", "[toString]\nA=1", "f0:1: unknown section [toString]"],
    ["a prototype as a key", "[Guests]\n__proto__=1", "f0:2: unknown key __proto__="],
    ["a line without a key", "[Guests]\n=yes", "f0:2: expected [SECTION] or KEY=VALUE"],
    ["a section that is not closed", "[Guests", "f0:1: expected [SECTION] or KEY=VALUE"],
    ["a comment after a section", "[Guests] # a=b", "f0:1: expected [SECTION] or KEY=VALUE"],
    ["a quote that is not closed", '[View]\nHide="/srv/a b', 'f0:2: Hide="/srv/a b: expected absolute paths'],
    ["an escape of C", "[View]\nHide=/srv/a\\x20b", "f0:2: Hide=/srv/a\\x20b: expected absolute paths"],
    ["an empty word of a list", '[View]\nHide=""', 'f0:2: Hide="": expected absolute paths'],
    ["bytes that are not UTF-8", "[View]\nHide=-/srv/\uFFFD", "f0:2: is not UTF-8"],
    [
      "a continued line, by its first one",
      "[View]\n\nHide=/a \\\n# b\n b",
      "f0:3: Hide=/a   b: expected absolute paths",
    ],
    ["a negative count", "[Guests]\nMaxSessions=-1", "f0:2: MaxSessions=-1: expected a whole number"],
  ])("%s", (_, text, message) => {
    expect(errorsOf(text)).toEqual([expect.stringContaining(message)]);
  });

  it("all errors of all files at once, each with file and line", () => {
    expect(errorsOf("[Guests]\nEnabled=x\nNonsense=1\n[Home]\nSize=y", "[View]\nProc=z")).toEqual([
      expect.stringMatching(/^f0:2: /),
      expect.stringMatching(/^f0:3: /),
      expect.stringMatching(/^f0:5: /),
      expect.stringMatching(/^f1:2: /),
    ]);
  });
});

describe("parseConfig", () => {
  it("uses the defaults when there are no files", () => {
    const result = parse();
    expect(result.ok && result.config.Home.Size).toBe("25%");
    expect(result.ok && result.settings.every(({ origin }) => origin === "default")).toBe(true);
  });

  it("takes the value of the last file, and remembers that file", () => {
    expect(valueOf("Home", "Size", "[Home]\nSize=1G", "# comment\n[Home]\nSize=512M")).toMatchObject({
      value: "512M",
      origin: "f1:3",
    });
  });

  it("appends to a list: hiding one more path does not uncover /home", () => {
    const setting = valueOf("View", "Hide", "[View]\nHide=/srv");
    expect(setting?.value.split(" ")).toEqual(expect.arrayContaining(["/home", "/srv"]));
    expect(setting?.origin).toBe("default, f0:2");
  });

  it("clears a list with an empty value", () => {
    expect(valueOf("View", "Hide", "[View]\nHide=\nHide=/srv")).toMatchObject({ value: "/srv", origin: "f0:3" });
  });

  it.each(["Size = 64M", "  Size=64M  ", "Size\t=\t64M", "Size=\\\n64M"])("reads %j without its blanks", (line) => {
    expect(valueOf("Home", "Size", `[Home]\n${line}`)?.value).toBe("64M");
  });

  it("ignores a comment that is not UTF-8", () => {
    expect(errorsOf("# f\uFFFDr G\uFFFDste\n[Home]")).toEqual([]);
  });

  it("writes a list in the form that it reads", () => {
    const text = `[View]\nHide=\nHide="/srv/a b"\t-/srv/c\\ d \\\n  '/srv/#e'\nHide=/srv/f;g`;
    const value = valueOf("View", "Hide", text)?.value;
    expect(value).toBe(`"/srv/a b" -/srv/c\\ d '/srv/#e' /srv/f;g`);
    const [once, again] = [parse(text), parse(`[View]\nHide=\nHide=${String(value)}`)];
    expect(once.ok && once.config).toEqual(again.ok && again.config);
  });

  it("marks paths that may be missing", () => {
    const result = parse("[View]\nHide=\nHide=-/maybe /surely");
    expect(result.ok && result.config.View.Hide).toEqual([
      { path: "/maybe", optional: true },
      { path: "/surely", optional: false },
    ]);
  });

  it("reads a bind with and without target and mode", () => {
    const result = parse("[View]\nBind=/srv/course /a:/b -/c:/d:rw");
    expect(result.ok && result.config.View.Bind).toEqual([
      { path: "/srv/course", optional: false, target: "/srv/course", readonly: true },
      { path: "/a", optional: false, target: "/b", readonly: true },
      { path: "/c", optional: true, target: "/d", readonly: false },
    ]);
  });
});

// # and ; belong to a value, as do quotes outside lists.
describe("a value with", () => {
  const read = (section: SectionName, line: string) => {
    const [name = ""] = line.split("=");
    const row = listKeys().find((candidate) => candidate.section === section && candidate.name === name);
    // Only a list can be cleared. Otherwise it starts with its default.
    const result = parse(`[${section}]\n${row?.key.type.list === true ? `${name}=\n` : ""}${line}`);
    if (!result.ok) throw new Error(result.errors.map(formatConfigError).join());
    return new Map<string, unknown>(Object.entries(result.config[section])).get(name);
  };
  const at = (path: string, optional = false) => ({ path, optional });

  it.each<[string, SectionName, string, unknown]>([
    ["#, among paths", "View", "Hide=/srv/a#b /srv/#c", [at("/srv/a#b"), at("/srv/#c")]],
    [";, among paths", "View", "ReadOnly=/srv/a;b", [at("/srv/a;b")]],
    [
      "quotes, among paths",
      "View",
      `Hide="/srv/a b" -'/srv/c d' "-/e"`,
      [at("/srv/a b"), at("/srv/c d", true), at("/e", true)],
    ],
    ["escapes, among paths", "View", "Hide=/srv/a\\ b /srv/c\\\\d", [at("/srv/a b"), at("/srv/c\\d")]],
    ["# and ;, in binds", "View", "Bind=/a#b:/c;d:rw", [{ ...at("/a#b"), target: "/c;d", readonly: false }]],
    ["quotes, in binds", "View", `Bind="/a b":'/c d':rw`, [{ ...at("/a b"), target: "/c d", readonly: false }]],
    ["quotes around a whole bind", "View", `Bind="-/a:b"`, [{ ...at("/a:b", true), target: "/a:b", readonly: true }]],
    ["# and ;, below /etc", "Etc", "Hide=a#b ;c", ["a#b", ";c"]],
    ["quotes, below /etc", "Etc", `Hide="a b"`, ["a b"]],
    ["quotes, among services", "Guests", `Unlock="gdm-*" 'kde'`, ["gdm-*", "kde"]],
    ["quotes, among terminals", "Guests", `Terminals="tty*" ':*'`, ["tty*", ":*"]],
    ["# and ;, as a path", "Etc", "Overlay=/srv/a#b;c", "/srv/a#b;c"],
    ["blanks, as a path", "Etc", "Overlay=/srv/a b", "/srv/a b"],
    ["# and ;, as a name", "Guests", "GhostName=Guest #1; yours", "Guest #1; yours"],
    ["single quotes, as a name", "Guests", "GhostName='Guest'", "'Guest'"],
    ["a word that JSON knows, as a name", "Guests", "GhostName=null", "null"],
  ])("%s", (_, section, line, expected) => {
    expect(read(section, line)).toEqual(expected);
  });

  it.each(["yes", "true", "on", "1", "Yes", "TRUE"])("reads %s as yes", (word) => {
    expect(read("Guests", `Enabled=${word}`)).toBe(true);
  });

  it.each(["no", "false", "off", "0", "No", "FALSE"])("reads %s as no", (word) => {
    expect(read("Guests", `Enabled=${word}`)).toBe(false);
  });

  const COMMENT = "; a comment stands on a line of its own";
  const QUOTES = "; quotes are for the words of a list";
  it.each([
    ["[Guests]\nEnabled=yes # for now", COMMENT],
    ["[Guests]\nEnabled=#", COMMENT],
    ["[Home]\nSize=64M ; small", COMMENT],
    ["[Home]\nInodes=9 # few", COMMENT],
    ["[Guests]\nLeaseRange=60600-60700 # few", COMMENT],
    ["[Guests]\nLeaseTimeout=9 ;short", COMMENT],
    ["[Guests]\nGroup=guests # ours", COMMENT],
    ["[Guests]\nUnlock=kde # ours", COMMENT],
    ["[Guests]\nTerminals=tty* # ours", COMMENT],
    ["[View]\nHide=/srv/a # ours", COMMENT],
    ["[View]\nBind=/srv/a # ours", COMMENT],
    ["[Limits]\nCPUQuota=50% # half", COMMENT],
    ["[Etc]\nMode=bind # old kernel", COMMENT],
    ["[Etc]\nHide=issue # ours", COMMENT],
    ["[Etc]\nHide= # nothing", COMMENT],
    ["[Etc]\nOverlay=/srv/etc # ours", COMMENT],
    ["[Etc]\nOverlay=/srv/etc #ours", COMMENT],
    ["[Etc]\nOverlay=/srv/a\\#b", ""],
    ["[Guests]\nShell=/bin/sh ; small", COMMENT],
    ["[Guests]\nGhostName=Guest # ours", COMMENT],
    [`[View]\nHide="/srv/a -/srv/b"`, "; quotes go around one word, not around the list"],
    [`[View]\nHide="-/srv/a /srv/b"`, "; quotes go around one word, not around the list"],
    ['[Guests]\nEnabled="yes"', QUOTES],
    ["[Guests]\nEnabled='yes'", QUOTES],
    ['[Home]\nSize="64M"', QUOTES],
    ['[Guests]\nGhostName="Guest"', QUOTES],
    ['[Guests]\nShell="/bin/sh"', QUOTES],
    ['[Etc]\nMode="bind"', QUOTES],
    ['[View]\nHide="a"', ""],
    ["[Home]\nSize=a#b", ""],
  ])("with a trailing comment or a misplaced quote is refused with an explanation: %j", (text, hint) => {
    expect(errorsOf(text)).toEqual([expect.stringMatching(new RegExp(`^f0:2: .*: expected [^;]*${hint}$`))]);
  });
});
