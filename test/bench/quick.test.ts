// The benchmark runs to its end and says something about each target. What it says is tested nowhere: a machine with
// tests on it is no place to measure.
import { describe, expect, it } from "vitest";
import { QUICK } from "./names.ts";
import { targetsOf } from "./targets.ts";
import { execute } from "../helpers/execute.ts";
import { requireRoot } from "../helpers/root.ts";
import { PROJECT } from "../helpers/tree.ts";

const LIMIT_MS = 1_200_000;

describe.skipIf(!requireRoot("the benchmark"))("packaging/bench --quick", () => {
  it("has a row for every target", { timeout: LIMIT_MS }, async () => {
    const { code, stdout, stderr } = await execute([`${PROJECT}/packaging/bench`, "--quick"], { timeoutMs: LIMIT_MS });
    expect(code, stderr).toBe(0);
    const rows = [...stdout.matchAll(/^\| ([^|]+) \| [^|]+ \| [^|]+ \| ((?:not )?met[^|]*) \|$/gm)].map(
      ([, what]) => what,
    );
    expect(rows, stdout).toEqual(targetsOf(QUICK).map(({ what }) => what));
  });
});
