/** What a refusal sends to greeters. test/desktop/ shows what they make of it. */
import { expect, it } from "vitest";
import { describeModule } from "./fixture.ts";
import { toldAs } from "./host.ts";
import { refused } from "./scripted_guestd.ts";
import { accounts } from "./world.ts";

const SENTENCE = "Guest logins are switched off on this machine: geschlossen für Prüfungen bis übermorgen früh.";
const FOLDED = [
  "Guest logins are switched off on",
  "this machine: geschlossen für",
  "Prüfungen bis übermorgen früh.",
].join("\n");
const user = accounts.byMembership;

describeModule("A guest who is refused", (at) => {
  it.each([
    ["login", "tty1", "error", SENTENCE],
    ["login", ":0", "text", FOLDED],
    ["lightdm", ":10.0", "text", FOLDED],
    ["sddm", "", "text", FOLDED],
    ["greetd", "", "error", FOLDED],
    ["su", "", "error", SENTENCE],
  ] as const)("by %s at terminal %j is told once, in the style of: %s", async (service, tty, style, told) => {
    at.guestd.answer = refused(SENTENCE);
    const [hook] = await at.run([`tty=${tty}`, "auth"], { user, service });
    expect(hook?.told).toHaveLength(1);
    expect(hook && toldAs(style, hook)).toEqual([told]);
  });

  it.each([
    ["login", "tty1", 0],
    ["lightdm", ":0", 0],
    ["sddm", "", 5_000_000],
    ["greetd", "", 5_000_000],
    ["sddm-autologin", "", 0],
  ])("by %s at terminal %j has %j microseconds to read it", async (service, tty, pause) => {
    at.guestd.answer = refused(SENTENCE);
    expect(await at.run([`tty=${tty}`, "auth"], { user, service })).toMatchObject([{ pause }]);
  });

  it("waits for nothing where nothing is shown", async () => {
    at.guestd.answer = refused(SENTENCE);
    expect(await at.run(["auth-silent"], { user, service: "sddm" })).toMatchObject([{ told: [], pause: 0 }]);
  });

  it("by words that fit into no line is told all of them", async () => {
    const long = "x".repeat(60);
    at.guestd.answer = refused(`${long} ${long} and so on`);
    const [hook] = await at.run(["tty=:0", "auth"], { user });
    expect(hook && toldAs("text", hook)).toEqual([`${long}\n${long}\nand so on`]);
  });
});
