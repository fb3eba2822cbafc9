// Times guestd and the alternatives, in turn, in one machine: only ratios of one run can be compared.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { cpus, release as kernelRelease, totalmem } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { VERSION } from "../src/version.ts";
import { describeComputer, writeRun } from "../test/bench/document.ts";
import { Notebook } from "../test/bench/figures.ts";
import { QUICK, WHOLE } from "../test/bench/names.ts";
import { drawPlots } from "../test/bench/plots.ts";
import { prepare } from "../test/bench/prepare.ts";
import type { Stage } from "../test/bench/stage.ts";
import { STAGES } from "../test/bench/stages.ts";
import { formatReport } from "../test/bench/table.ts";
import { targetsOf } from "../test/bench/targets.ts";
import { ratiosOf } from "../test/bench/verdicts.ts";
import { Machine } from "../test/helpers/machine.ts";
import type { Release } from "../test/helpers/root.ts";

/** Given by packaging/bench. */
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    quick: { type: "boolean", default: false },
    only: { type: "string", default: STAGES.map(({ name }) => name).join(",") },
    rounds: { type: "string" },
    write: { type: "boolean", default: false },
  },
});
const [release, project] = positionals as [Release, string];
const sizes = values.quick ? QUICK : WHOLE;
const rounds = Number(values.rounds ?? (values.quick ? 2 : 40));
const figures = new Notebook();
const chosen = values.only.split(",");
const failed: string[] = [];

/** One that fails leaves the machine in an unknown state. */
async function runStages(stages: readonly Stage[]): Promise<void> {
  let machine: Machine | undefined;
  try {
    for (const stage of stages) {
      console.error(`bench: ${stage.name}`);
      try {
        if (machine === undefined) {
          machine = await Machine.boot(release, "bench");
          await prepare(machine, project, sizes.receipts);
        }
        await stage.run({ machine, rounds, sizes, figures });
      } catch (error) {
        console.error(`bench: ${stage.name} failed:`, error);
        failed.push(stage.name);
        await machine?.stop();
        machine = undefined;
      }
    }
  } finally {
    await machine?.stop();
  }
}

const unknown = chosen.filter((name) => !STAGES.some((stage) => stage.name === name));
if (unknown.length > 0)
  throw new Error(`no such stage: ${unknown.join(", ")}; there are ${STAGES.map(({ name }) => name).join(", ")}`);
await runStages(STAGES.filter(({ name }) => chosen.includes(name)));
const targets = targetsOf(sizes).filter(({ stage }) => chosen.includes(stage));
const report = formatReport(targets, figures);
console.log(report);
writeFigures();
if (failed.length > 0) {
  console.error(`bench: failed: ${failed.join(", ")}${values.write ? "; nothing is written" : ""}`);
  process.exitCode = 1;
} else if (values.write) writeDocument();

function writePlots(directory: string): void {
  mkdirSync(directory, { recursive: true });
  for (const [name, svg] of drawPlots(figures, sizes)) writeFileSync(join(directory, name), svg);
}

function writeFigures(): void {
  writePlots(join(project, "build/performance"));
  const { times, amounts } = figures;
  const json = { version: VERSION, release, times: Object.fromEntries(times), amounts: Object.fromEntries(amounts) };
  writeFileSync(join(project, "build/bench.json"), `${JSON.stringify(json, undefined, 1)}\n`);
}

/** Of a whole run only: packaging/bench sees to it. */
function writeDocument(): void {
  const path = join(project, "docs/performance.md");
  const computer = {
    kernel: kernelRelease().replace(/-.*/, ""),
    processors: cpus().map(({ model }) => model),
    memoryGiB: totalmem() / 2 ** 30,
    release,
  };
  const run = {
    version: VERSION,
    ratios: ratiosOf(targets, figures),
    machine: describeComputer(VERSION, computer),
    report,
  };
  writeFileSync(path, writeRun(readFileSync(path, "utf8"), run));
  writePlots(join(project, "docs/pictures"));
}
