// Localized keys have languages, and other keys have none.
import { describe, expect, it } from "vitest";
import { baseOf, localeOf } from "../../../src/config/localized.ts";
import { formatConfigError, parseConfig } from "../../../src/config/parse.ts";

const parse = (...lines: string[]) => parseConfig([{ path: "a", text: lines.join("\n") }]);
const errorsOf = (...lines: string[]) => {
  const result = parse(...lines);
  return result.ok ? [] : result.errors.map(formatConfigError);
};

describe("the name of a localized key", () => {
  it.each([
    ["LoginText[de]", "LoginText", "de"],
    ["LoginText[pt_BR]", "LoginText", "pt_BR"],
    ["LoginText[sr@latin]", "LoginText", "sr@latin"],
    ["LoginText", "LoginText", ""],
  ])("%s is %s in %j", (name, base, locale) => {
    expect([baseOf(name), localeOf(name)]).toEqual([base, locale]);
  });
});

describe("a localized key", () => {
  it("has a value for each language, and its own", () => {
    const result = parse("[Notice]", "LoginText[de]=Weg.", "LoginText[de_AT]=Fort.", "LoginText=Gone.");
    expect(result.ok && result.config.Notice.LoginText).toEqual({ "": "Gone.", de: "Weg.", de_AT: "Fort." });
  });

  it("has its default where only languages are set, and is shown before them", () => {
    const result = parse("[Daemon]", "IdleExit=7", "[Notice]", "LoginText[de]=Weg.");
    const names = result.ok ? result.settings.map(({ key }) => key) : [];
    expect(result.ok && result.config.Notice.LoginText[""]).toMatch(/deleted/);
    expect(names.indexOf("LoginText[de]")).toBe(names.indexOf("LoginText") + 1);
  });

  it.each(["LoginText[]", "LoginText[DE]", "LoginText[de/..]", "LoginText[de]x", "Login[de]", "[de]"])(
    "is refused as %s",
    (name) => {
      expect(errorsOf("[Notice]", `${name}=x`)).toHaveLength(1);
    },
  );

  it("is checked like any other key", () => {
    expect(errorsOf("[Notice]", "TermsAnswer[de]=ja ja")).toEqual([
      expect.stringMatching(/^a:2: TermsAnswer\[de\]=ja ja: expected /),
    ]);
  });
});
