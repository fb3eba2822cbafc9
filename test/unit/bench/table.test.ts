import { expect, it } from "vitest";
import { Notebook, REFUSED } from "../../bench/figures.ts";
import { QUICK } from "../../bench/names.ts";
import { formatReport } from "../../bench/table.ts";
import { targetsOf } from "../../bench/targets.ts";

const notebook = new Notebook();
notebook.addTime("bwrap", 4000);
notebook.addTime("guestd, shared", 6000, 5000);
notebook.addTime("guestd, shared", 16_000);
notebook.addTime("refused arm", REFUSED);
notebook.addTime("empty arm");
notebook.setAmount("memory", 18.25, "KiB");

it("a report is three tables: times, amounts and targets", () => {
  const open = targetsOf(QUICK).filter(({ what }) => what === "open, shared");
  expect(formatReport(open, notebook)).toBe(`| ms | p50 | p90 | p99 | most | times |
| --- | --: | --: | --: | --: | --: |
| bwrap | 4.00 | 4.00 | 4.00 | 4.00 | 1 |
| guestd, shared | 6.00 | 16.0 | 16.0 | 16.0 | 3 |
| refused arm | refused | refused | refused | refused | 1 |
| empty arm | - | - | - | - | 0 |

|  | amount |
| --- | --: |
| memory | 18.3 KiB |

|  | measured | target | verdict |
| --- | --: | --: | --: |
| open, shared | 1.50x bwrap | at most 1.00x bwrap | not met, by 0.50x |`);
});

it("a report without figures has the targets alone", () => {
  expect(formatReport(targetsOf(QUICK), new Notebook()).split("\n\n")).toHaveLength(1);
});
