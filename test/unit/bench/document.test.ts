import { describe, expect, it } from "vitest";
import { describeComputer, writeRun } from "../../bench/document.ts";
import { readHistory } from "../../bench/history.ts";
import { readProjectFile } from "../../helpers/tree.ts";

const EMPTY =
  "# Performance\n\n<!-- last run -->\n<!-- end of last run -->\n\n<!-- history -->\n<!-- end of history -->\n";

describe("a run in the document", () => {
  const machine = describeComputer("0.2.0", {
    kernel: "6.12.1",
    processors: ["Model A", "Model A"],
    memoryGiB: 7.8,
    release: "trixie",
  });
  const run = { version: "0.2.0", ratios: new Map([["open", 1]]), machine, report: "| table |" };

  it("names the machine", () => {
    expect(machine).toBe("guestd 0.2.0 on Debian trixie, Linux 6.12.1, 2 processors (Model A), 8 GiB.");
  });

  it("replaces the run before", () => {
    const once = writeRun(EMPTY, run);
    expect(once).toContain(`## The last run\n\n${machine}\n\n![`);
    expect(writeRun(once, run)).toBe(once);
    expect(writeRun(once, { ...run, report: "| other |" })).not.toContain("| table |");
  });

  it("has its place in docs/performance.md", () => {
    expect(readHistory(writeRun(readProjectFile("docs/performance.md"), run))[0]).toBeDefined();
  });
});
