import { describe, expect, it } from "vitest";
import { describeOff, describeSwitch, findReasonFault, NEVER_ENABLED } from "../../../src/policy/switch.ts";

describe("a reason is invalid", () => {
  it.each([
    "\u001b[2J",
    "a\nb",
    "a\tb",
    "\u0000",
    "\u007f",
    "\u0085",
    "\u200b",
    "\u202e",
    "\u2028",
    "\u2029",
    "\ud800",
    "\ue000",
    "\ufdd0",
  ])("that cannot be printed: %j", (reason) => {
    expect(findReasonFault(reason)).toContain("printed");
  });

  it.each(["a".repeat(201), "😀".repeat(101), "€".repeat(134)])("that is too long (%#)", (reason) => {
    expect(findReasonFault(reason)).toContain("longer than 200 characters, or 400 bytes");
  });
});

describe("a valid reason", () => {
  it.each(["", "There is an examination until noon.", "a".repeat(200), "ä".repeat(200), "😀".repeat(100), "%s%n"])(
    "can be %j",
    (reason) => {
      expect(findReasonFault(reason)).toBeUndefined();
    },
  );

  it.each([
    ["", "Guest logins are switched off on this machine. Please ask the administrator of this machine."],
    [
      "an examination",
      "Guest logins are switched off on this machine: an examination. Please ask the administrator of this machine.",
    ],
    [
      "An examination.",
      "Guest logins are switched off on this machine: An examination. Please ask the administrator of this machine.",
    ],
    [
      "Come back!",
      "Guest logins are switched off on this machine: Come back! Please ask the administrator of this machine.",
    ],
  ])("becomes a sentence (%j)", (reason, sentence) => {
    expect(describeOff({ enabled: false, reason })).toBe(sentence);
  });
});

describe("the switch", () => {
  it("is off with a sentence before it is first set", () => {
    expect(NEVER_ENABLED.enabled).toBe(false);
    expect(describeSwitch(NEVER_ENABLED)).toBe("off: they have not been switched on yet.");
  });

  it("gives no reason while it is on", () => {
    expect(describeSwitch({ enabled: true, reason: "x" })).toBe("on.");
  });
});
