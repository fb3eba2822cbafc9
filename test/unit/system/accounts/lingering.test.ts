import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { listLingering } from "../../../../src/system/accounts/lingering.ts";

it("listLingering lists the users, decodes logind's escaped names, and accepts a missing directory", () => {
  const root = mkdtempSync(join(tmpdir(), "linger-"));
  for (const name of ["guest1", String.raw`bob\x40uni.example`]) writeFileSync(join(root, name), "");
  expect([...listLingering(root)].sort()).toEqual(["bob@uni.example", "guest1"]);
  expect(listLingering(join(root, "missing"))).toEqual([]);
  rmSync(root, { recursive: true });
});
