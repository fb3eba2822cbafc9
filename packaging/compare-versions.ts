// Names the ratios in docs/performance.md that are worse by a quarter than those of the version before. Fails when there
// are any. Without figures of the version it only says so.
import { readFileSync } from "node:fs";
import { findWorse, readHistory } from "../test/bench/history.ts";

const [version = ""] = process.argv.slice(2);
const found = findWorse(readHistory(readFileSync("docs/performance.md", "utf8")), version);
if (found === undefined)
  console.log(`docs/performance.md has no figures of ${version} and of a version before: npm run bench -- --write`);
for (const { column, before, now } of found?.worse ?? [])
  console.log(`warning: ${column}: ${now.toFixed(2)}, and ${before.toFixed(2)} in ${found?.last ?? ""}`);
if ((found?.worse.length ?? 0) > 0) process.exitCode = 1;
