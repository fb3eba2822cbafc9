// docs/operations.md has exactly the sentences that refuse a login.
import { describe, expect, it } from "vitest";
import { REFUSALS } from "../../src/policy/refusals.ts";
import { sectionOf } from "../helpers/document.ts";
import { readProjectFile } from "../helpers/tree.ts";

/** Sentences outside the table: of the module, of the bus, and without a guest session. */
const OTHERS = ["pam/hook_common.c", "src/bus/service.ts", "src/policy/linger.ts", "src/policy/opening.ts"]
  .map(readProjectFile)
  .join("\n");
const IN_MODULE = "Guest sessions are not available at the moment.";

/** The first column. Words in capitals stand for names. */
const documented = [
  ...sectionOf(readProjectFile("docs/operations.md"), "Refusals").matchAll(/^\| ([^|]+) \| [^|]+ \|$/gm),
]
  .map(([, sentence = ""]) => sentence)
  .filter((sentence) => /^[A-Z]/.test(sentence));

const refusals = Object.values(REFUSALS).map((text: string) =>
  text.replace(/\{(\w+)\}/g, (_, name: string) => name.toUpperCase()),
);

describe("docs/operations.md", () => {
  it("has each refusal", () => {
    expect(documented.length).toBeGreaterThan(20);
    expect([...refusals, IN_MODULE].filter((text) => !documented.some((one) => text.startsWith(one)))).toEqual([]);
  });

  it("has no refusal that there is not", () => {
    const isOther = (one: string) => OTHERS.includes(one);
    expect(documented.filter((one) => !isOther(one) && !refusals.some((text) => text.startsWith(one)))).toEqual([]);
  });
});
