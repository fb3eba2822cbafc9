// A reporter: each project's results and time, the slowest files, the failures, and the total on the last line.
import { basename } from "node:path";
import { stripVTControlCharacters } from "node:util";
import type { Reporter, SerializedError, TestModule, Vitest } from "vitest/node";
import { SEED } from "./walk.ts";

const LONGEST = 15;
/** Shown after an error's first line. */
const FAILURE_LINES = 30;

interface Row {
  readonly name: string;
  readonly files: number;
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  /** Summed over workers. */
  readonly seconds: number;
}

export default class RunTable implements Reporter {
  readonly #started = new Map<string, number>();
  readonly #ended = new Map<string, number>();

  onInit({ projects }: Vitest): void {
    if (SEED === null) return say("All tests run whole: there is no seed.");
    say(`Files take turns: TEST_SEED=${SEED} runs the same ones, FULL=1 all of them.`);
    for (const { name, config } of projects) {
      const leftOut = config.exclude.filter((path) => path.startsWith("test/"));
      if (leftOut.length > 0) say(`not in ${name}: ${leftOut.map((path) => basename(path, ".test.ts")).join(" ")}`);
    }
  }

  onTestModuleQueued({ project: { name } }: TestModule): void {
    if (!this.#started.has(name)) this.#started.set(name, performance.now());
  }

  onTestModuleEnd(module: TestModule): void {
    this.#ended.set(module.project.name, performance.now());
    // An interrupted run never reaches its end.
    for (const failure of failuresOf(module)) say(failure);
  }

  onTestRunEnd(modules: readonly TestModule[], errors: readonly SerializedError[]): void {
    const rows = modules.map(rowOf);
    say(`\n${line(["the longest files", "tests", "seconds"])}`);
    for (const { name, passed, failed, seconds } of [...rows].sort((a, b) => b.seconds - a.seconds).slice(0, LONGEST))
      say(line([name, passed + failed, seconds]));

    say(`\n${line(["project", "files", "passed", "failed", "skipped", "seconds", "from", "to"])}`);
    const names = [...new Set(modules.map(({ project }) => project.name))];
    for (const name of names) {
      const row = sum(
        name,
        rows.filter((_, index) => modules[index]?.project.name === name),
      );
      say(line([...cells(row), ...this.#span(name)]));
    }
    const all = sum("all", rows);
    say(line(cells(all)));
    for (const failure of [...modules.flatMap(failuresOf), ...errors.map((error) => failureOf("no test", error))])
      say(failure);
    // An error outside a test is a failure, too.
    say(`${all.passed} passed, ${all.failed + errors.length} failed`);
  }

  /** First file's start and last file's end, in seconds since vitest's start. */
  #span(name: string): number[] {
    return [this.#started.get(name) ?? 0, this.#ended.get(name) ?? 0].map((time) => time / 1000);
  }
}

function rowOf(module: TestModule): Row {
  const { environmentSetupDuration, prepareDuration, collectDuration, setupDuration, duration } = module.diagnostic();
  const states = [...module.children.allTests()].map((test) => test.result().state);
  const count = (state: string) => states.filter((one) => one === state).length;
  // A file that could not be loaded counts as a failed test.
  const isBroken = module.state() === "failed" && count("failed") === 0;
  return {
    name: `${module.project.name} ${module.relativeModuleId}`,
    files: 1,
    passed: count("passed"),
    failed: count("failed") + (isBroken ? 1 : 0),
    skipped: count("skipped"),
    seconds: (environmentSetupDuration + prepareDuration + collectDuration + setupDuration + duration) / 1000,
  };
}

/** .ci/run finds these blocks by their first word. */
function failuresOf(module: TestModule): string[] {
  const file = `${module.project.name} ${module.relativeModuleId}`;
  const tests = [...module.children.allTests("failed")].map((test) =>
    failureOf(`${file} > ${test.fullName}`, test.result().errors?.[0]),
  );
  const suites = [module, ...module.children.allSuites()].flatMap((suite) =>
    suite.errors().map((error) => failureOf(`${file} > ${suite.type === "suite" ? suite.fullName : "set-up"}`, error)),
  );
  return [...suites, ...tests];
}

function failureOf(name: string, error: SerializedError | undefined): string {
  const diff: unknown = error?.["diff"];
  const whole = `${error?.message ?? ""}\n${typeof diff === "string" ? stripVTControlCharacters(diff) : ""}`;
  const [message = "", ...more] = whole.split("\n");
  const lines = more.filter((text) => text.trim() !== "").slice(0, FAILURE_LINES);
  return [`FAILED ${name}`, message, ...lines].join("\n  ");
}

function sum(name: string, rows: readonly Row[]): Row {
  const total = (key: "files" | "passed" | "failed" | "skipped" | "seconds") =>
    rows.reduce((so, row) => so + row[key], 0);
  return {
    name,
    files: total("files"),
    passed: total("passed"),
    failed: total("failed"),
    skipped: total("skipped"),
    seconds: total("seconds"),
  };
}

const cells = ({ name, files, passed, failed, skipped, seconds }: Row) => [
  name,
  files,
  passed,
  failed,
  skipped,
  seconds,
];

/** The first column fits the longest name. */
function line([first = "", ...rest]: readonly (string | number)[]): string {
  const texts = rest.map((cell) =>
    typeof cell === "string" || Number.isInteger(cell) ? String(cell) : cell.toFixed(1),
  );
  return `${String(first).padEnd(56)}${texts.map((text) => text.padStart(9)).join("")}`;
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}
