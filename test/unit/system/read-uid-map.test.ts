import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { EVERY_UID } from "../../../src/policy/uid-map.ts";
import { readUidMap } from "../../../src/system/read-uid-map.ts";

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "guestd-map-"));
});
afterEach(() => {
  rmSync(root, { recursive: true });
});

it.each([
  ["the first namespace", "         0          0 4294967295\n", EVERY_UID],
  ["a container", "         0     100000      65536\n", [{ first: 0, last: 65_535 }]],
  [
    "one of several ranges",
    "0 1000 1\n65536 200000 10\n",
    [
      { first: 0, last: 0 },
      { first: 65_536, last: 65_545 },
    ],
  ],
  ["one that has none", "", []],
  ["garbage", "}{\n0 0\na b c\n", []],
])("readUidMap reads the map of %s", (_, text, map) => {
  writeFileSync(join(root, "uid_map"), text);
  expect(readUidMap(join(root, "uid_map"))).toEqual(map);
});

it("readUidMap assumes every UID on a kernel without user namespaces", () => {
  expect(readUidMap(join(root, "uid_map"))).toEqual(EVERY_UID);
});
