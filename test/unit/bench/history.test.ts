import { describe, expect, it } from "vitest";
import { findWorse, readHistory, writeHistory } from "../../bench/history.ts";

const EMPTY = "# Performance\n\n<!-- history -->\n<!-- end of history -->\n";

const row = (version: string, ratios: Readonly<Record<string, number>>) => ({
  version,
  ratios: new Map(Object.entries(ratios)),
});
const write = (...rows: ReturnType<typeof row>[]) => rows.reduce(writeHistory, EMPTY);

describe("the history", () => {
  it("is empty at first", () => {
    expect(readHistory(EMPTY)).toEqual([]);
    expect(readHistory("# No history\n")).toEqual([]);
  });

  it("has a row a version, the newest first, and no number for what was not measured", () => {
    const document = write(row("0.9.0", { open: 1.5 }), row("0.10.0", { open: 1, start: 2, skeleton: Infinity }));
    expect(document).toContain(
      "## History\n\n| version | open | start | skeleton |\n| --- | --: | --: | --: |\n| 0.10.0 | 1.00 | 2.00 | - |\n| 0.9.0 | 1.50 | - | - |\n",
    );
    expect(readHistory(document)).toEqual([row("0.10.0", { open: 1, start: 2 }), row("0.9.0", { open: 1.5 })]);
  });

  it("has a run replace the row of its version", () => {
    const rows = readHistory(write(row("0.1.0", { open: 3 }), row("0.2.0", { open: 2 }), row("0.1.0", { open: 4 })));
    expect(rows).toEqual([row("0.2.0", { open: 2 }), row("0.1.0", { open: 4 })]);
  });

  it("needs its marks in the document", () => {
    expect(() => writeHistory("# Performance\n", row("0.1.0", {}))).toThrow("no <!-- history -->");
  });
});

describe("ratios are worse", () => {
  const history = [
    row("0.3.0", { open: 1.3, start: 2.5, list: 1, fresh: 9 }),
    row("0.2.0", { open: 1, start: 2, list: 2 }),
    row("0.1.0", { open: 0.1 }),
  ];

  it("by more than a quarter than those of the version before", () => {
    expect(findWorse(history, "0.3.0")).toEqual({
      last: "0.2.0",
      worse: [{ column: "open", before: 1, now: 1.3 }],
    });
  });

  it.each(["0.1.0", "0.4.0"])("than none, for %s", (version) => {
    expect(findWorse(history, version)).toBeUndefined();
  });
});
