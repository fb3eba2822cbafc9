import { describe, expect, it } from "vitest";
import { formatConfigError, parseConfig } from "../../../src/config/parse.ts";

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
    ["the root as a place to hide", "[View]\nHide=/", "f0:2: Hide=/: expected absolute paths"],
    ["an absolute path below /etc", "[Etc]\nHide=/etc/issue", "f0:2: Hide=/etc/issue: expected paths below /etc"],
    ["an unknown choice", "[Etc]\nMode=magic", "f0:2: Mode=magic: expected one of overlay, bind"],
    ["a bind with an unknown mode", "[View]\nBind=/a:/b:rx", "f0:2: Bind=/a:/b:rx: expected SOURCE"],
    ["a key of Object's prototype", "[Guests]\nconstructor=1", "f0:2: unknown key constructor="],
    ["a section of Object's prototype", "[toString]\nA=1", "f0:1: unknown section [toString]"],
    ["a prototype as a key", "[Guests]\n__proto__=1", "f0:2: expected [SECTION] or KEY=VALUE"],
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
  it("takes the defaults when there are no files", () => {
    const result = parse();
    expect(result.ok && result.config.Home.Size).toBe("25%");
    expect(result.ok && result.settings.every(({ origin }) => origin === "default")).toBe(true);
  });

  it("lets a later file's value stand, and says where it is from", () => {
    expect(valueOf("Home", "Size", "[Home]\nSize=1G", "# comment\n[Home]\nSize=512M")).toMatchObject({
      value: "512M",
      origin: "f1:3",
    });
  });

  it("adds to a list, so that hiding one more place does not show /home", () => {
    const setting = valueOf("View", "Hide", "[View]\nHide=/srv");
    expect(setting?.value.split(" ")).toEqual(expect.arrayContaining(["/home", "/srv"]));
    expect(setting?.origin).toBe("default, f0:2");
  });

  it("clears a list with an empty value", () => {
    expect(valueOf("View", "Hide", "[View]\nHide=\nHide=/srv")).toMatchObject({ value: "/srv", origin: "f0:3" });
  });

  it.each(['Size = "64M"', "Size = 64M ; small", "  Size=64M  # small"])("reads %s as ini does", (line) => {
    expect(valueOf("Home", "Size", `[Home]\n${line}`)?.value).toBe("64M");
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
