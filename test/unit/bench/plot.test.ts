import { describe, expect, it } from "vitest";
import { Notebook, REFUSED } from "../../bench/figures.ts";
import { crowded, mounted, QUICK } from "../../bench/names.ts";
import { chooseTicks, drawPlot, type Plot } from "../../bench/plot.ts";
import { drawPlots } from "../../bench/plots.ts";

const PLOT: Plot = {
  title: "Logins & <mounts>",
  x: { title: "mounts", unit: "" },
  y: { title: "login", unit: "ms" },
  series: [
    {
      name: "shared",
      points: [
        [0, 5],
        [1000, 10],
      ],
    },
    {
      name: "leased",
      points: [
        [0, 6],
        [500, REFUSED],
        [1000, 10],
      ],
    },
    { name: "empty", points: [[0, NaN]] },
  ],
};

describe("the ticks of an axis", () => {
  it.each([
    [0, [0, 1]],
    [NaN, [0, 1]],
    [0.7, [0, 0.2, 0.4, 0.6, 0.8]],
    [10, [0, 2, 4, 6, 8, 10]],
    [101, [0, 50, 100, 150]],
    [1000, [0, 200, 400, 600, 800, 1000]],
  ])("up to %s are round and enclose it", (most, ticks) => {
    expect(chooseTicks(most)).toEqual(ticks);
  });
});

describe("a plot", () => {
  const svg = drawPlot(PLOT);
  const heightOf = (name: string) => Number(new RegExp(`y="([\\d.]+)">${name}<`).exec(svg)?.[1]);

  it("is well-formed, with escaped text", () => {
    const opened = [...svg.matchAll(/<(\w+)[^>]*(?<!\/)>/g)].map(([, tag]) => tag);
    const closed = [...svg.matchAll(/<\/(\w+)>/g)].map(([, tag]) => tag);
    expect(opened.sort()).toEqual(closed.sort());
    expect(svg).toContain("<title>Logins &amp; &lt;mounts&gt;</title>");
    expect(svg).not.toMatch(/NaN|Infinity|undefined/);
  });

  it("has titles of the axes, with units", () => {
    expect(svg).toContain(">mounts</text>");
    expect(svg).toContain(">login (ms)</text>");
  });

  it("has a line for each series, without what was refused or not measured", () => {
    expect(svg.match(/class="line s\d"/g)).toEqual(['class="line s0"', 'class="line s1"']);
    expect(svg.match(/<circle class="s1"/g)).toHaveLength(2);
    expect(svg).not.toContain("empty");
  });

  it("has colours for light and dark pages", () => {
    expect(svg).toContain("@media (prefers-color-scheme:dark)");
  });

  it("keeps names apart that would cover each other", () => {
    expect(Math.abs(heightOf("shared") - heightOf("leased"))).toBeGreaterThanOrEqual(14);
  });

  it("without points has axes only", () => {
    const empty = drawPlot({ ...PLOT, series: [] });
    expect(empty).toContain("login (ms)");
    expect(empty).not.toMatch(/class="line|NaN|Infinity/);
  });
});

it("the two plots show medians in milliseconds", () => {
  const notebook = new Notebook();
  notebook.addTime(crowded(40, "shared"), 7000, 9000, 8000);
  notebook.addTime(mounted(0, "bwrap"), 4000);
  const plots = drawPlots(notebook, QUICK);
  expect([...plots.keys()]).toEqual(["sessions.svg", "mounts.svg"]);
  expect(plots.get("sessions.svg")).toContain(">shared</text>");
  expect(plots.get("mounts.svg")).toContain(">bwrap</text>");
});
