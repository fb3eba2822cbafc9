// Puts a guestd with faults (faulty-guestd.ts) in the place of a test machine's own.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { execute } from "./execute.ts";
import type { Machine } from "./machine.ts";

const PROJECT = fileURLToPath(new URL("../..", import.meta.url));
const OUT = join(PROJECT, "build/faulty");

/** Bundles it as the other is bundled, and has systemd start it. */
export async function installFaulty(machine: Machine): Promise<void> {
  const bundled = await execute([
    "node",
    join(PROJECT, "packaging/bundle.mjs"),
    OUT,
    join(PROJECT, "test/helpers/faulty-guestd.ts"),
  ]);
  if (bundled.code !== 0) throw new Error(bundled.stderr);
  await machine.write("/usr/lib/guestd/faulty-guestd.js", readFileSync(join(OUT, "faulty-guestd.js")), "755");
  await machine.write(
    "/etc/systemd/system/guestd.service.d/faulty.conf",
    "[Service]\nExecStart=\nExecStart=/usr/bin/node /usr/lib/guestd/faulty-guestd.js\n",
  );
  await machine.sh("systemctl daemon-reload; systemctl stop guestd");
}
