// Refusals are one sentence each, and translated.
import { describe, expect, it } from "vitest";
import { refusal, REFUSALS, translateRefusal } from "../../../src/policy/refusals.ts";

const GERMAN = new Map<string, string>([
  [REFUSALS.full, "Voll."],
  [REFUSALS.othersAccount, "Nicht {user}, sondern {ghost}."],
]);

describe("a refusal", () => {
  it("has its values filled in", () => {
    expect(refusal("othersAccount", { user: "guest-k3f9", ghost: "guest" })).toBe(
      "The account guest-k3f9 belongs to another guest. Please log in as guest.",
    );
  });

  it("is translated, and its values stay", () => {
    expect(translateRefusal(refusal("full"), GERMAN)).toBe("Voll.");
    const filled = refusal("othersAccount", { user: "guest-k3f9", ghost: "gast.{user}" });
    expect(translateRefusal(filled, GERMAN)).toBe("Nicht guest-k3f9, sondern gast.{user}.");
  });

  it.each([refusal("usedUp"), "A sentence of another program."])("without a translation stays as it is: %s", (text) => {
    expect(translateRefusal(text, GERMAN)).toBe(text);
    expect(translateRefusal(text, new Map())).toBe(text);
  });

  it.each(Object.entries(REFUSALS))("%s is told from every other one", (name, text) => {
    const values = { home: "/x", user: "u", ghost: "g", service: "s", name: "p", reason: "r.", instead: "i" };
    const filled = text.replace(/\{(\w+)\}/g, (_, gap: keyof typeof values) => values[gap]);
    const names = new Map(Object.entries(REFUSALS).map(([one, sentence]) => [sentence, one] as [string, string]));
    expect(translateRefusal(filled, names)).toBe(name);
  });
});
