/** Terms of use are shown before guestd creates anything. The module never accepts them itself. */
import dbus from "dbus-next";
import { describe, expect, it } from "vitest";
import { describeModule, type Fixture } from "./fixture.ts";
import { errors, toldAs, type Hook } from "./host.ts";
import { type Answer, type Call, refused, session, terms, verdict } from "./scripted_guestd.ts";
import { accounts } from "./world.ts";

const { Variant } = dbus;

const leased = accounts.byPrimaryGroup;
const ghost = accounts.byMembership;
const DIGEST = "0123456789abcdef".repeat(4);
const TEXT = "Be kind.\nPrüfe alles.\n\nType yes.";
const asks = { verdict: new Variant("s", "terms") };

const fieldOf = (call: Call | undefined, name: string): unknown =>
  (call?.body[0] as Record<string, dbus.Variant> | undefined)?.[name]?.value;

/** Answers with `then` once it is told that some text was shown. */
const withTerms =
  (then: Answer, changes: Record<string, dbus.Variant> = {}) =>
  (call: Call): Answer =>
    fieldOf(call, "terms") === "" ? terms(TEXT, DIGEST, changes) : then;

/** Both hooks that ask, each with its expected result. */
const HOOKS: readonly (readonly [string, string, Record<string, dbus.Variant>, (at: Fixture) => Answer])[] = [
  ["auth", ghost, asks, () => verdict("leased", leased)],
  ["open", leased, {}, (at) => session(at.view)],
];

describeModule("a guest with terms of use to accept", (at) => {
  describe.each(HOOKS)("in %s", (action, user, changes, good) => {
    const run = async (answer: string | undefined, then: Answer, more: Partial<{ silent: boolean }> = {}) => {
      at.guestd.answer = withTerms(then, changes);
      const environment: Record<string, string> = answer === undefined ? {} : { ANSWER: answer };
      return at.once({ action: more.silent === true ? `${action}-silent` : action, user, environment });
    };

    it("reads them and answers, and guestd gets the digest and the input", async () => {
      const hook = await run("yes", good(at));
      expect(hook).toMatchObject({ result: "PAM_SUCCESS", logged: [] });
      expect(hook.told).toEqual([`4 ${TEXT}`, "2 > "]);
      expect(at.guestd.calls.map((call) => [fieldOf(call, "terms"), fieldOf(call, "answer")])).toEqual([
        ["", ""],
        [DIGEST, "yes"],
      ]);
    });

    it("is refused with guestd's sentence where guestd rejects the answer", async () => {
      const hook = await run("%s%n no", refused("You have not accepted them."));
      expectRefused(hook, "You have not accepted them.");
      expect(fieldOf(at.guestd.calls[1], "answer")).toBe("%s%n no");
    });

    it.each([
      ["there is no conversation", undefined, false],
      ["the answer comes later", "later", false],
      ["the answer is too long", "y".repeat(65), false],
      ["the application wants silence", "yes", true],
    ])("has not answered where %s", async (_, answer, silent) => {
      const hook = await run(answer, refused("You have not answered."), { silent });
      expect(hook.result).toMatch(/^PAM_(AUTH|SESSION)_ERR$/);
      expect(at.guestd.calls.map((call) => [fieldOf(call, "terms"), fieldOf(call, "answer")])).toEqual([
        ["", ""],
        [DIGEST, ""],
      ]);
      if (silent) expect(hook.told).toEqual([]);
    });

    it("is not asked twice", async () => {
      const hook = await run("yes", terms(TEXT, DIGEST, changes));
      expect(hook.logged.join()).toContain("guestd asks for its terms again");
      expect(hook.result).toMatch(/^PAM_(AUTH|SESSION)_ERR$/);
      expect(at.guestd.calls).toHaveLength(2);
    });

    it.each([
      ["a text with an escape", terms("\u001b[2J", DIGEST, changes)],
      ["a text of 10241 bytes", terms("a".repeat(10_241), DIGEST, changes)],
      ["an empty text", terms("", DIGEST, changes)],
      ["an invalid digest", terms(TEXT, "yes", changes)],
      ["a digest of 65 digits", terms(TEXT, `${DIGEST}0`, changes)],
      ["an empty digest", terms(TEXT, "", changes)],
      [
        "a session as well",
        terms(TEXT, DIGEST, { ...changes, user: new Variant("s", leased), id: new Variant("s", "k3f9") }),
      ],
    ])("is shown nothing for %s", async (_, answer) => {
      at.guestd.answer = answer;
      const hook = await at.once({ action, user, environment: { ANSWER: "yes" } });
      expect(hook.result).toMatch(/^PAM_(AUTH|SESSION)_ERR$/);
      expect(toldAs("text", hook)).toEqual([]);
      expect(at.guestd.calls).toHaveLength(1);
    });
  });

  function expectRefused(hook: Hook, sentence: string): void {
    expect(hook.result).toMatch(/^PAM_(AUTH|SESSION)_ERR$/);
    expect(errors(hook)).toEqual([sentence]);
    expect(hook.after).toEqual(hook.before);
  }
});

describeModule("a notice", (at) => {
  const notice = (text: string) => ({ notice: new Variant("s", text) });

  it("is shown once to a guest who gets in", async () => {
    at.guestd.answer = session(at.view, notice("All is deleted.\nSave it."));
    const hooks = await at.run(["open", "open"]);
    expect(hooks.map((hook) => hook.told)).toEqual([["4 All is deleted.\nSave it."], []]);
  });

  it("is not shown where the application wants silence", async () => {
    at.guestd.answer = session(at.view, notice("All is deleted."));
    expect(await at.once({ action: "open-silent" })).toMatchObject({ result: "PAM_SUCCESS", told: [] });
  });

  it("is not shown to a refused guest", async () => {
    at.guestd.answer = session({ ...at.view, inode: at.view.inode + 1n }, notice("All is deleted."));
    expect((await at.once()).told).toEqual([expect.stringMatching(/^3 /)]);
  });

  it.each(["\u001b[2J", "a".repeat(2049), ""])("that is invalid (%j) refuses the guest", async (text) => {
    at.guestd.answer = session(at.view, notice(text));
    const hook = await at.once();
    expect(hook.logged.join()).toContain("field notice");
    expect(hook.result).toBe("PAM_SESSION_ERR");
  });
});
