// docs/operations.md has each sentence that a login is refused with, and no other.
import ts from "typescript";
import { describe, expect, it } from "vitest";
import { sectionOf } from "../helpers/document.ts";
import { readProjectFile } from "../helpers/tree.ts";

/** All that a login is told by these is a refusal. */
const REFUSING = ["account", "admission", "allocating", "notice", "opening", "origin", "refusal"].map(
  (name) => `src/policy/${name}.ts`,
);
/** Of these it is some sentences. */
const OTHERS = [
  "src/policy/linger.ts",
  "src/policy/switch.ts",
  "src/policy/uid-map.ts",
  "src/bus/methods.ts",
  "src/bus/service.ts",
];
/** What stands behind other sentences. */
const TAIL = /^(Please ask the administrator of this machine|Start its program through)/;
/** What code puts into a sentence. */
const ANY = "…";
const LEAST_WORDS = 5;

/** The sentences in a file of the source. */
function sentencesOf(file: string): readonly string[] {
  const found: string[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isStringLiteral(node) || ts.isNoSubstitutionTemplateLiteral(node)) found.push(node.text);
    if (ts.isTemplateExpression(node))
      found.push(node.head.text + node.templateSpans.map(({ literal }) => ANY + literal.text).join(""));
    ts.forEachChild(node, visit);
  };
  visit(ts.createSourceFile(file, readProjectFile(file), ts.ScriptTarget.Latest));
  return found.filter((text) => /^[A-Z…]/.test(text) && text.split(" ").length >= LEAST_WORDS && !TAIL.test(text));
}

const inModule = [...readProjectFile("pam/hook_common.c").matchAll(/sentence = "(.*) "$/gm)].map(
  ([, text = ""]) => text,
);
const refusals = REFUSING.flatMap(sentencesOf);
const all = [...refusals, ...OTHERS.flatMap(sentencesOf), ...inModule];

/** The first column. Words in capitals stand for names. */
const documented = [
  ...sectionOf(readProjectFile("docs/operations.md"), "Refusals").matchAll(/^\| ([^|]+) \| [^|]+ \|$/gm),
]
  .map(([, sentence = ""]) => sentence)
  .filter((sentence) => /^[A-Z]/.test(sentence));
const matches = (documentedOne: string, sentence: string) =>
  new RegExp(`^${documentedOne.replace(/[.*+?^${}()|[\]\\]/g, "\\$&").replace(/\b[A-Z]{4,}\b/g, ".*")}`).test(sentence);

describe("docs/operations.md", () => {
  it("has each refusal", () => {
    expect(refusals.length).toBeGreaterThan(20);
    expect(inModule).toHaveLength(1);
    expect([...refusals, ...inModule].filter((sentence) => !documented.some((one) => matches(one, sentence)))).toEqual(
      [],
    );
  });

  it("has no refusal that there is not", () => {
    expect(documented.filter((one) => !all.some((sentence) => matches(one, sentence)))).toEqual([]);
  });
});
