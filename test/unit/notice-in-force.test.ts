import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { machineLocale, noticeInForce } from "../../src/notice-in-force.ts";
import { configOf } from "../helpers/samples.ts";

const CONFIG = configOf("[Notice]", "LoginText=Gone.", "LoginText[de]=Weg.");
const TERMS = { "": "Be kind.\n", de: "Seid nett.\r\n" };

describe("noticeInForce", () => {
  it.each([
    [{}, "Gone.", "Be kind.\n"],
    [{ LANG: "de_DE.UTF-8" }, "Weg.", "Seid nett.\r\n"],
    [{ LANG: "fr_FR.UTF-8", LC_MESSAGES: "de_DE.UTF-8" }, "Weg.", "Seid nett.\r\n"],
    [{ LANG: "de_DE.UTF-8", LC_ALL: "C" }, "Gone.", "Be kind.\n"],
    [{ LANG: "de_DE.UTF-8", LC_ALL: "" }, "Weg.", "Seid nett.\r\n"],
  ])("is in the language of %j, with the file's digest as sha256sum prints it", (environment, login, text) => {
    const notice = noticeInForce(CONFIG, TERMS, machineLocale(environment));
    expect(notice.login).toBe(login);
    expect(notice.terms?.digest).toBe(createHash("sha256").update(text).digest("hex"));
  });

  it("has no terms where no file is named", () => {
    expect(noticeInForce(CONFIG, {}, "de_DE.UTF-8").terms).toBeUndefined();
  });
});
