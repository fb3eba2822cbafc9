// Rules for every manual page: its parts, its references, and its command lines.
import { describe, expect, it } from "vitest";
import { readCommandLine } from "../../src/cli/usage.ts";
import { VERSION } from "../../src/version.ts";
import { MAN, PAGES, plain, words } from "../helpers/man.ts";
import { listProjectFiles, readProjectFile } from "../helpers/tree.ts";

const pages = PAGES.map((page) => {
  const [, name = "", section = ""] = /^(.*)\.(\d)$/.exec(page) ?? [];
  return { page, name, section, text: readProjectFile(`${MAN}/${page}`) };
});

const headingsOf = (text: string) =>
  [...text.matchAll(/^\.S[HS] "?([^"\n]*)"?$/gm)].map(([, heading = ""]) => plain(heading));

/** Lines of literal blocks, as a reader sees them. */
const shownBy = (text: string) =>
  [...text.matchAll(/^\.nf\n(.*?)^\.fi$/gms)].flatMap(([, block = ""]) =>
    block
      .replaceAll(/ *\\\(rs\n */g, " ")
      .split("\n")
      .map(plain),
  );

describe.each(pages)("$page", ({ name, section, text }) => {
  it("has its name, a date and the version", () => {
    const [title] = text.split("\n").filter((line) => line.startsWith(".TH"));
    expect(title?.replace(/\d{4}-\d\d-\d\d/, "DATE")).toBe(
      `.TH ${name.toUpperCase()} ${section} DATE "guestd ${VERSION}" "guestd"`,
    );
  });

  it("says what failure does, has examples and leads to the other pages", () => {
    const headings = headingsOf(text);
    expect(headings.some((heading) => ["WHEN IT FAILS", "ERRORS"].includes(heading))).toBe(true);
    expect(headings).toContain("EXAMPLES");
    expect(headings.at(-1)).toBe("SEE ALSO");
  });

  it("names pages of guestd, and their sections, that there are", () => {
    const own = new Map(pages.map((of) => [of.name, of]));
    const references = [...text.matchAll(/^(?:.*\\fB([A-Z][^\\=]*)\\fR in\n)?\.BR (\S+) \((\d)\)/gm)];
    for (const [reference, heading, to = "", number] of references) {
      const found = own.get(plain(to));
      if (found === undefined) expect(plain(to), reference).not.toMatch(/guest/);
      else expect(number, reference).toBe(found.section);
      if (found !== undefined && heading !== undefined) expect(headingsOf(found.text), reference).toContain(heading);
    }
  });

  it("shows command lines of guestctl that the program accepts", () => {
    for (const line of shownBy(text).filter((shown) => shown.startsWith("guestctl "))) {
      const [command = ""] = line.split(/ [|>] /);
      const args = [...command.matchAll(/(?:[^\s"]|"[^"]*")+/g)].map(([word]) => word.replaceAll('"', ""));
      expect(() => readCommandLine(args.slice(1).map((word) => (word === "UID" ? "65536" : word))), line).not.toThrow();
    }
  });
});

describe("the manual pages", () => {
  it("have the sections that documents and messages name", () => {
    const own = new Map(pages.map((of) => [`${of.name}(${of.section})`, headingsOf(of.text)]));
    const files = listProjectFiles().filter((name) => /\.md$|^(src|systemd)\//.test(name));
    const references = files.flatMap((file) => {
      const text = words(readProjectFile(file));
      const before = [...text.matchAll(/"([A-Z][^"]{2,40})" in ([\w.-]+\(\d\))/g)];
      const after = [...text.matchAll(/([\w.-]+\(\d\)), "([A-Z][^"]{2,40})"/g)].map(([all, page, of]) => [
        all,
        of,
        page,
      ]);
      return [...before, ...after].map(([, of = "", page = ""]) => ({ file, of, headings: own.get(page) }));
    });
    expect(references.length).toBeGreaterThan(3);
    expect(references.filter(({ of, headings }) => headings?.includes(of) === false)).toEqual([]);
  });

  it("are those that are tested here", () => {
    expect(listProjectFiles().filter((name) => name.startsWith(`${MAN}/`))).toEqual(
      PAGES.map((page) => `${MAN}/${page}`),
    );
  });
});
