// Installs a program from this folder in a test machine, bundled with its imports like guestd.
import { readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { execute } from "./execute.ts";
import type { Machine } from "./machine.ts";

const PROJECT = fileURLToPath(new URL("../..", import.meta.url));
const OUT = join(PROJECT, "build/test-programs");

export async function installBundled(machine: Machine, file: string, target: string): Promise<void> {
  const bundled = await execute([
    "node",
    join(PROJECT, "packaging/bundle.mjs"),
    OUT,
    join(PROJECT, "test/helpers", file),
  ]);
  if (bundled.code !== 0) throw new Error(bundled.stderr);
  await machine.write(target, readFileSync(join(OUT, `${basename(file, ".ts")}.js`)), "755");
}
