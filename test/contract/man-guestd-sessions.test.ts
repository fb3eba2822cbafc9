// guestd-sessions(7) has the code's stages, classes, causes and limits.
import { describe, expect, it } from "vitest";
import { ACCOUNT_KINDS, SHARED_KINDS } from "../../src/policy/receipt.ts";
import { cut, readNumber, readPage, readUnion, termsOf } from "../helpers/man.ts";
import { ENDING, ENDING_LEASED } from "../helpers/stages.ts";
import { readProjectFile } from "../helpers/tree.ts";

const PAGE = "guestd-sessions.7";

describe("guestd-sessions(7)", () => {
  it("has the stages in their order, and says which are for leased accounts alone", () => {
    const shared: readonly string[] = ENDING;
    const stages = ENDING_LEASED.map((stage) => (shared.includes(stage) ? stage : `${stage} (leased)`));
    expect(termsOf(PAGE, "ENDING A SESSION")).toEqual(stages);
  });

  it("has the classes of things that are looked for, in their order, and after which sessions", () => {
    expect(termsOf(PAGE, "WHAT IS LOOKED FOR", "After every session")).toEqual(SHARED_KINDS);
    expect(termsOf(PAGE, "WHAT IS LOOKED FOR", "After leased sessions only")).toEqual(ACCOUNT_KINDS);
  });

  it("has the causes of an end, as the XML of the bus interface has", () => {
    const causes = readUnion("src/policy/receipt.ts", "export type EndCause =");
    expect(termsOf(PAGE, "RECEIPTS")).toEqual(causes);
    const documented = cut("systemd/org.guestd1.xml", "\n    cause s ", "\n    terms s ");
    expect(causes.filter((cause) => !documented.includes(cause))).toEqual([]);
  });

  // The code has the limit as a number, the page in a sentence.
  it.each([
    ["# seconds to be ready", "src/bus/methods.ts", "ANSWER_LIMIT_MS"],
    ["is not ready after # seconds", "src/bus/methods.ts", "ANSWER_LIMIT_MS"],
    ["the view is not ready after # seconds", "src/system/sessions/views.ts", "BUILD_LIMIT_MS"],
    ["for at most # seconds, until the kernel reports", "src/system/processes/kill.ts", "KILL_LIMIT_MS"],
    ["a process does not end within # seconds", "src/system/processes/kill.ts", "KILL_LIMIT_MS"],
    ["each for at most # seconds", "src/bus/user-units.ts", "FORGET_LIMIT_MS"],
    ["guestd waits for at most # seconds for what is under way", "src/start.ts", "STOP_LIMIT_MS"],
  ])("says %s", (sentence, file, name) => {
    expect(readPage(PAGE)).toContain(sentence.replace("#", String(readNumber(file, name) / 1000)));
  });

  it("says how many things of a class are named, and when a guestd that hangs is killed", () => {
    const page = readPage(PAGE);
    expect(page).toContain(
      `At most ${readNumber("src/system/sentences.ts", "MOST_NAMED")} things of a class are named`,
    );
    const [, seconds = ""] = /^WatchdogSec=(\d+)s$/m.exec(readProjectFile("systemd/guestd.service")) ?? [];
    expect(page).toContain(`after ${seconds} seconds if it hangs`);
  });
});
