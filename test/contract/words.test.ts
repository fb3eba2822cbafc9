// The glossary of HACKING.md has each word once, and replaced words are no longer used.
import { describe, expect, it } from "vitest";
import { listProjectFiles, readProjectFile } from "../helpers/tree.ts";

const TEXTS = /^(src|native|pam|systemd|etc|packaging\/(man|completions))\/|^(README|SECURITY|HACKING)\.md$/;
const texts = listProjectFiles().filter((name) => TEXTS.test(name));

/** The old word, and the right one. */
const REPLACED: readonly (readonly [RegExp, string])[] = [
  [/\bgates?\b|[a-z]Gate\b/i, "switch"],
  [/\bsettl\w*/i, "the thing that is done: finish, apply, answer"],
  [/\b(kept|keeps?|keeping)\s+(\w+\s+){0,2}back\b/i, "quarantined"],
  [/\bfree(s|d)? (a|the|its) uid\b/i, "release"],
  [/\bfresh accounts?\b/i, "leased account"],
  [/\bhanded\s+out\b/i, "leased"],
  [/\bsorts? of\b/i, "leased, shared"],
  [/\bsought\b/i, "criteria"],
  [/\b(belonging|wanted)\b/i, "membership"],
  [/\bmounters?\b/i, "holders"],
  [/\bplaces\b|[a-z]Places?\b|(\b|_)PLACES?\b/, "paths, directories"],
  [/\bstep\(state|[a-z]Step\(state/, "transition"],
  [/\b(session|receipt|lease|openReply|allocation|isolation)Record\b/, "wireSession() and the like"],
  [
    /\b(settle|sweep)\\?-lease\b|write\\?-gate|release\\?-account|close\\?-login|gate\\?-rejected/,
    "the names of today",
  ],
];

describe("the glossary", () => {
  it("has each word once, in order", () => {
    const [, table = ""] = readProjectFile("HACKING.md").split("\n## Words\n");
    const words = [...(table.split("\n## ")[0] ?? "").matchAll(/^\| ([a-z][a-z ]*) \|/gm)].map(([, word]) => word);
    const [head, ...rest] = words;
    expect(head).toBe("word");
    expect(rest.length).toBeGreaterThan(20);
    expect(rest).toEqual([...new Set(rest)].sort());
  });

  it.each(REPLACED)("is followed: %s is nowhere, it is called %s", (word) => {
    expect(texts.length).toBeGreaterThan(200);
    expect(
      texts.flatMap((name) => {
        const found = word.exec(readProjectFile(name));
        return found === null ? [] : [`${name}: ${found[0]}`];
      }),
    ).toEqual([]);
  });
});
