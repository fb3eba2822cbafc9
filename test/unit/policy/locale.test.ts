import { describe, expect, it } from "vitest";
import { inLanguage, localesOf } from "../../../src/policy/locale.ts";

describe("localesOf", () => {
  it.each([
    ["de_AT.UTF-8@euro", ["de_AT@euro", "de_AT", "de@euro", "de"]],
    ["sr_RS@latin", ["sr_RS@latin", "sr_RS", "sr@latin", "sr"]],
    ["pt_BR.UTF-8", ["pt_BR", "pt"]],
    ["de", ["de"]],
    ["C.UTF-8", []],
    ["POSIX", []],
    ["", []],
    ["../../etc", []],
    ["de/../x", []],
  ])("of %j is %j", (locale, names) => {
    expect(localesOf(locale)).toEqual(names);
  });
});

describe("inLanguage", () => {
  const values = { "": "Hello", de: "Hallo", de_AT: "Servus", "sr@latin": "Zdravo" };

  it.each([
    ["de_DE.UTF-8", "Hallo"],
    ["de_AT.UTF-8", "Servus"],
    ["sr_RS.UTF-8@latin", "Zdravo"],
    ["sr_RS.UTF-8", "Hello"],
    ["fr_FR.UTF-8", "Hello"],
    ["C", "Hello"],
    ["", "Hello"],
  ])("is for %j: %s", (locale, text) => {
    expect(inLanguage(values, locale)).toBe(text);
  });

  it("is empty where no language has a value", () => {
    expect(inLanguage({ de: "Hallo" }, "fr_FR")).toBeUndefined();
    expect(inLanguage({}, "")).toBeUndefined();
  });
});
