// What guests are told, and what is recorded. No guest gets in without accepting the terms of use.
import { describe, expect, it } from "vitest";
import type { What } from "../../../src/policy/events.ts";
import type { Terms } from "../../../src/policy/notice.ts";
import { judgeTerms, loginNotice, makeNotice, NO_NOTICE } from "../../../src/policy/notice.ts";
import type { State } from "../../../src/policy/state.ts";
import { after, find, happen, kinds, leasedOpen, only, READY } from "../../helpers/play.ts";
import { allocateRequest, configOf, openRequest } from "../../helpers/samples.ts";

const DIGEST = "d".repeat(64);
const FILE = { text: "\uFEFFBe kind.\r\nBe\tbrief.\n\n", digest: DIGEST };
const TERMS: Terms = { text: "Be kind.", digest: DIGEST, answer: "yes" };
const GERMAN = ["[Notice]", "LoginText[de]=Alles weg.", "TermsQuestion[de]=Tippen Sie: ja", "TermsAnswer[de]=Ja"];

const withTerms = (state: State): State =>
  happen(state, { kind: "config-loaded", config: configOf(), notice: makeNotice(configOf(), "", FILE) }).state;
const accept = { terms: DIGEST, answer: "yes" };

describe("makeNotice", () => {
  it("has a text for login and no terms by default", () => {
    const { login, terms } = makeNotice(configOf(), "C.UTF-8", undefined);
    expect(login).toMatch(/all your files on this machine are deleted/);
    expect(terms).toBeUndefined();
  });

  it("puts the question below the terms in the language of the machine", () => {
    expect(makeNotice(configOf(...GERMAN), "de_DE.UTF-8", FILE)).toMatchObject({
      login: "Alles weg.",
      terms: { text: "Be kind.\nBe brief.\n\nTippen Sie: ja", digest: DIGEST, answer: "Ja" },
    });
    expect(makeNotice(configOf(...GERMAN), "fr_FR.UTF-8", FILE).terms?.answer).toBe("yes");
  });

  it("says nothing at login where that is switched off", () => {
    expect(makeNotice(configOf("[Notice]", "Login=no"), "", undefined).login).toBe("");
  });
});

describe("loginNotice", () => {
  const notice = makeNotice(configOf("[Notice]", "LoginText=Gone."), "", undefined);

  it.each([
    ["login", "tty1", "Gone."],
    ["sshd", "ssh", "Gone."],
    ["su-l", "pts/3", "Gone."],
    ["su", "", ""],
    ["lightdm", ":0", ""],
    ["gdm-password", "/dev/tty2", ""],
    ["sudo", "pts/3", ""],
  ])("by %s at %j is %j", (service, tty, text) => {
    expect(loginNotice(notice, service, tty)).toBe(text);
    expect(loginNotice(NO_NOTICE, service, tty)).toBe("");
  });
});

describe("judgeTerms", () => {
  it.each([
    ["", "", "ask"],
    ["", "yes", "ask"],
    [DIGEST, "", "refused"],
    [DIGEST, "no", "refused"],
    [DIGEST, "yes please", "refused"],
    ["e".repeat(64), "yes", "refused"],
    [DIGEST, "yes", "accepted"],
    [DIGEST, " YES ", "accepted"],
  ])("with digest %j and answer %j: %s", (terms, answer, kind) => {
    expect(judgeTerms(TERMS, { terms, answer }, 5).kind).toBe(kind);
  });

  it("reports which terms were accepted and when, and nothing where there are none", () => {
    expect(judgeTerms(TERMS, accept, 5)).toEqual({ kind: "accepted", acceptance: { digest: DIGEST, at: 5 } });
    expect(judgeTerms(undefined, accept, 5)).toEqual({ kind: "accepted", acceptance: undefined });
  });

  it("tells apart guests who did not accept, could not, or read another text", () => {
    const reasons = [
      { ...accept, answer: "no" },
      { ...accept, answer: "" },
      { ...accept, terms: "e" },
    ].map((reply) => {
      const verdict = judgeTerms(TERMS, reply, 5);
      return verdict.kind === "refused" ? verdict.reason : "";
    });
    expect(reasons).toEqual([
      expect.stringContaining("have not accepted"),
      expect.stringContaining("no answer"),
      expect.stringContaining("have changed"),
    ]);
    // PAM_MAX_MSG_SIZE.
    for (const reason of reasons) expect(Buffer.byteLength(reason)).toBeLessThan(512);
  });
});

describe("a guest with terms of use to accept", () => {
  const logins: readonly (readonly [string, What])[] = [
    ["the ghost", allocateRequest()],
    ["a shared account", openRequest()],
  ];

  it.each(logins)("is shown them, and nothing is created or stored: %s", (_, what) => {
    const { state, effects } = happen(withTerms(READY), what);
    expect(kinds(effects)).toEqual(["answer"]);
    expect(find(effects, "answer")?.answer).toMatchObject({ kind: "terms", terms: { digest: DIGEST } });
    expect(state.sessions.size).toBe(0);
    expect(state.pool).toEqual(withTerms(READY).pool);
  });

  it.each(logins)("is refused without accepting them: %s", (_, what) => {
    const { state, effects } = happen(withTerms(READY), { ...what, ...accept, answer: "no" } as What);
    expect(effects).toMatchObject([{ kind: "refuse", code: "Refused" }]);
    expect(state.sessions.size).toBe(0);
  });

  it.each(logins)("gets in after accepting them, and the session records that: %s", (_, what) => {
    const played = after(withTerms(READY), { ...what, ...accept });
    expect(only(played.state).acceptance).toEqual({ digest: DIGEST, at: 1000 });
  });

  it("is asked once for a leased account, and the receipt records it", () => {
    const leased = after(withTerms(READY), { ...allocateRequest(), ...accept }).state;
    const opened = after(leased, leasedOpen());
    expect(only(opened.state)).toMatchObject({ phase: "open", acceptance: { digest: DIGEST, at: 1000 } });
    const { did } = after(opened.state, { kind: "leader-exited", id: only(opened.state).id });
    expect(find(did, "write-receipt")?.receipt).toMatchObject({ terms: DIGEST, acceptedAt: 1000 });
  });

  it("is asked at the session where the terms are newer than the account, which then goes back", () => {
    const waiting = withTerms(after(READY, allocateRequest()).state);
    const asked = happen(waiting, leasedOpen());
    expect(find(asked.effects, "answer")?.answer).toMatchObject({ kind: "terms" });
    expect(only(after(waiting, leasedOpen(accept)).state)).toMatchObject({ phase: "open", acceptance: { at: 1000 } });
    expect(after(waiting, leasedOpen({ ...accept, answer: "" })).state.sessions.size).toBe(0);
  });

  it("is refused for any other reason before the terms are shown", () => {
    const off = { ...withTerms(READY), loginSwitch: { enabled: false, reason: "" } };
    for (const [, what] of logins) expect(kinds(happen(off, what).effects)).toEqual(["refuse"]);
  });
});

describe("a guest who gets in", () => {
  it("is sent the notice once, in the answer to the call", () => {
    const { did, state } = after(READY, openRequest());
    expect(find(did, "answer")?.answer).toMatchObject({
      kind: "opened",
      reply: { notice: expect.stringContaining("deleted") as string },
    });
    const again = happen(state, openRequest({ call: 2 }));
    expect(find(again.effects, "answer")?.answer).toMatchObject({ kind: "opened", reply: { notice: "" } });
    expect(only(state)).not.toHaveProperty("notice");
  });
});
