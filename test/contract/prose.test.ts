// Plain words: short sentences, without the words that HACKING.md, "Style of words", avoids.
import { describe, expect, it } from "vitest";
import writeGood from "write-good";
import type { Paragraph } from "../helpers/prose.ts";
import { countWords, median, readComments, readManual, readMarkdown, readStrings } from "../helpers/prose.ts";
import { listProjectFiles } from "../helpers/tree.ts";

const files = listProjectFiles();
const DOCUMENTS = [
  ...files.filter((name) => /^([A-Z]+|docs\/[\w-]+)\.md$/.test(name)),
  "systemd/guestd.catalog",
  "etc/guestd.conf",
  "packaging/debian/guestd.templates",
];
const MANUALS = files.filter((name) => /^packaging\/man\/.*\.\d$/.test(name));
const SOURCES = files.filter((name) => /^src\/.*\.ts$/.test(name) && !name.endsWith(".d.ts"));
const CODE = files.filter((name) => /^(src|native|pam|test|packaging)\/.*\.(ts|cc?|h)$/.test(name));

const LONGEST = 35;
const MEDIAN = 14;

/** The avoided words, and what to write instead. */
const AVOIDED: readonly (readonly [RegExp, string])[] = [
  [/\bwhoever\b/i, "the user who, those who, a process that"],
  [/\b(some|no|any)body\b/i, "a user, no user, others; or the passive"],
  [/\banew\b/i, "again, new"],
  [/\bof (which|whom)\b/i, "whose, or two sentences"],
  [/\bso that\b/i, "so, to, or two sentences"],
  [/\bas ever\b/i, "as before, unchanged"],
  [/\b(he|him|his|himself)\b/i, "they, the guest"],
  [/\blets? go of\b/i, "releases, closes"],
  [/\bnothing (of it|is known of)\b/i, "what is missing, by name"],
  [/\b(mends?|mended|mending)\b/i, "fix"],
  [/\bgoes? on with\b|\bgoing on with\b/i, "continue"],
];

/** write-good's checks that are mostly right here, and words for which they are wrong. */
const CHECKS = { passive: false, adverb: false, weasel: false, thereIs: false, so: false };
const IN_VAIN =
  /^"(it is|it was|all of|allocate|terminate|modify|however|maximum|therefore|type of|in addition|in between|a number of)"/i;

const avoided = (paragraphs: readonly Paragraph[]) =>
  paragraphs.flatMap(({ where, text }) =>
    AVOIDED.flatMap(([word, instead]) => {
      const found = word.exec(text);
      return found === null ? [] : [`${where}: "${found[0]}"; write: ${instead}`];
    }),
  );

const faults = (paragraphs: readonly Paragraph[]) =>
  paragraphs.flatMap((paragraph) => [
    ...writeGood(paragraph.text, CHECKS)
      .filter(({ reason }) => !IN_VAIN.test(reason))
      .map(({ reason }) => `${paragraph.where}: ${reason}`),
    ...(paragraph.isTable ? [] : countWords(paragraph))
      .filter((count) => count > LONGEST)
      .map((count) => `${paragraph.where}: a sentence of ${count} words`),
  ]);

const READ = [
  ...DOCUMENTS.map((name) => ({ name, read: () => readMarkdown(name) })),
  ...MANUALS.map((name) => ({ name, read: () => readManual(name) })),
];

describe("plain words", () => {
  it.each(READ)("in $name", ({ read }) => {
    const paragraphs = read();
    expect(paragraphs.length).toBeGreaterThan(1);
    expect([...avoided(paragraphs), ...faults(paragraphs)]).toEqual([]);
    const counts = paragraphs.filter(({ isTable }) => !isTable).flatMap(countWords);
    expect(median(counts)).toBeLessThanOrEqual(MEDIAN);
  });

  it("in the sentences of the programs", () => {
    const strings = SOURCES.flatMap(readStrings);
    expect(strings.length).toBeGreaterThan(200);
    expect([...avoided(strings), ...faults(strings)]).toEqual([]);
  });

  it("in the comments of the code", () => {
    const comments = CODE.flatMap(readComments);
    expect(comments.length).toBeGreaterThan(2000);
    expect([...avoided(comments), ...faults(comments)]).toEqual([]);
  });
});
