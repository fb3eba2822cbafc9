// Translates defaults that guests read, but not configured texts.
import { describe, expect, it } from "vitest";
import { translateNotice } from "../../../src/config/translate-notice.ts";
import { configOf } from "../../helpers/samples.ts";

describe("translateNotice", () => {
  const CATALOGS = {
    de: new Map([
      ["yes", "ja"],
      ["If you accept these terms of use, type: yes", "Tippen Sie: ja"],
    ]),
    fr: new Map(),
  };

  it("translates what is at its default, for each language that is there", () => {
    const { Notice } = translateNotice(configOf(), CATALOGS);
    expect(Notice.TermsAnswer).toEqual({ "": "yes", de: "ja", fr: "yes" });
    expect(Notice.LoginText["de"]).toBe(Notice.LoginText[""]);
    expect(Notice.TermsQuestion["de"]).toBe("Tippen Sie: ja");
  });

  it("leaves what the configuration says, in each language that it says it in", () => {
    const config = configOf("[Notice]", "LoginText=Gone.", "TermsAnswer[de]=Ja", "TermsQuestion=Well?");
    const { Notice } = translateNotice(config, CATALOGS);
    expect(Notice.LoginText).toEqual({ "": "Gone." });
    expect(Notice.TermsQuestion).toEqual({ "": "Well?" });
    expect(Notice.TermsAnswer).toMatchObject({ "": "yes", de: "Ja" });
  });

  it("leaves the answer to a question that the configuration asks", () => {
    const own = configOf("[Notice]", "TermsQuestion=Type yes.");
    expect(translateNotice(own, CATALOGS).Notice.TermsAnswer).toEqual({ "": "yes" });
    const german = configOf("[Notice]", "TermsQuestion[de]=Tippen Sie yes.");
    expect(translateNotice(german, { ...CATALOGS, nl: new Map([["yes", "ja"]]) }).Notice.TermsAnswer).toEqual({
      "": "yes",
      de: "yes",
      fr: "yes",
      nl: "ja",
    });
  });
});
