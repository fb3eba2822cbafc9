import { describe, expect, it } from "vitest";
import type { Findings, Swept } from "../../../src/policy/receipt.ts";
import {
  ACCOUNT_KINDS,
  addFindings,
  isClean,
  listLeft,
  NOTHING_FOUND,
  SHARED_KINDS,
} from "../../../src/policy/receipt.ts";
import { clean } from "../../helpers/play.ts";

const processes = (change: Partial<Swept> = {}): Swept => ({
  kind: "processes",
  found: 2,
  removed: 1,
  left: ["process 7 does not end"],
  ...change,
});

describe("the list of what is left", () => {
  it("contains each class that was not searched", () => {
    expect(listLeft(NOTHING_FOUND, ["processes", "mounts"])).toEqual(["processes: not checked", "mounts: not checked"]);
    expect(listLeft({ swept: clean("mounts"), left: [] }, ["processes", "mounts"])).toEqual(["processes: not checked"]);
  });

  it("contains what a class could not remove, by its name", () => {
    expect(listLeft({ swept: [processes(), ...clean("mounts")], left: [] }, [])).toEqual([
      "processes: process 7 does not end",
    ]);
  });

  it("contains each stage that failed, even if its class is clean", () => {
    expect(listLeft({ swept: clean("processes"), left: ["kill-processes: boom"] }, ["processes"])).toEqual([
      "kill-processes: boom",
    ]);
  });

  it("is empty when all that had to be searched is clean", () => {
    const kinds = [...SHARED_KINDS, ...ACCOUNT_KINDS];
    expect(listLeft({ swept: clean(...kinds), left: [] }, kinds)).toEqual([]);
  });

  it("contains leftovers of a class that was not requested", () => {
    expect(listLeft({ swept: [processes()], left: [] }, ["mounts"])).toEqual([
      "processes: process 7 does not end",
      "mounts: not checked",
    ]);
  });
});

describe("addFindings", () => {
  const add = (...all: readonly Partial<Findings>[]) => all.reduce<Findings>(addFindings, NOTHING_FOUND);

  it("keeps all earlier findings", () => {
    expect(
      add(
        { processesKilled: 3, swept: [processes()] },
        { tmpfsBytes: 4096, swept: clean("mounts"), left: ["a"] },
        { left: ["b"] },
      ),
    ).toEqual({
      processesKilled: 3,
      tmpfsBytes: 4096,
      swept: [processes(), ...clean("mounts")],
      left: ["a", "b"],
    });
  });

  it("takes the last look of a class, even if that is worse", () => {
    expect(add({ swept: [processes()] }, { swept: [processes({ found: 1, removed: 1, left: [] })] }).swept).toEqual([
      processes({ found: 2, removed: 2, left: [] }),
    ]);
    expect(
      add({ swept: clean("files") }, { swept: [{ kind: "files", found: 1, removed: 0, left: ["/tmp/x"] }] }).swept,
    ).toEqual([{ kind: "files", found: 1, removed: 0, left: ["/tmp/x"] }]);
  });

  it("does not change its arguments", () => {
    const before = add({ swept: [processes()] });
    const text = JSON.stringify(before);
    addFindings(before, { swept: [processes({ left: [] })], left: ["x"] });
    expect(JSON.stringify(before)).toBe(text);
    expect(NOTHING_FOUND).toEqual({ processesKilled: 0, tmpfsBytes: 0, swept: [], left: [] });
  });
});

describe("isClean", () => {
  it("is true of a receipt that names nothing", () => {
    expect(isClean({ left: [], foundLater: [] })).toBe(true);
    expect(isClean({ left: ["process 7 does not end"], foundLater: [] })).toBe(false);
    expect(isClean({ left: [], foundLater: ["files: /tmp/x"] })).toBe(false);
  });
});
