import { describe, expect, it } from "vitest";
import type { Findings, Swept } from "../../../src/policy/receipt.ts";
import {
  ACCOUNT_KINDS,
  addFindings,
  isClean,
  listLeft,
  NOTHING_FOUND,
  receiptOf,
  SHARED_KINDS,
} from "../../../src/policy/receipt.ts";
import { clean } from "../../helpers/play.ts";
import { LEASED, LEASED_SESSION, SESSION } from "../../helpers/samples.ts";

const MOMENT = { now: 2_000, uptime: 7_000 };
const processes = (change: Partial<Swept> = {}): Swept => ({
  kind: "processes",
  found: 2,
  removed: 1,
  left: ["process 7 does not end"],
  ...change,
});

describe("what is left", () => {
  it("is each class that nobody has looked at", () => {
    expect(listLeft(NOTHING_FOUND, ["processes", "mounts"])).toEqual([
      "processes: nobody has looked",
      "mounts: nobody has looked",
    ]);
    expect(listLeft({ swept: clean("mounts"), left: [] }, ["processes", "mounts"])).toEqual([
      "processes: nobody has looked",
    ]);
  });

  it("is what a class could not take away, by its name", () => {
    expect(listLeft({ swept: [processes(), ...clean("mounts")], left: [] }, [])).toEqual([
      "processes: process 7 does not end",
    ]);
  });

  it("is each step that failed, though its class be clean", () => {
    expect(listLeft({ swept: clean("processes"), left: ["kill-processes: boom"] }, ["processes"])).toEqual([
      "kill-processes: boom",
    ]);
  });

  it("is nothing when all that had to be looked at was, and is clean", () => {
    const kinds = [...SHARED_KINDS, ...ACCOUNT_KINDS];
    expect(listLeft({ swept: clean(...kinds), left: [] }, kinds)).toEqual([]);
  });

  it("is what a class has that nobody asked for", () => {
    expect(listLeft({ swept: [processes()], left: [] }, ["mounts"])).toEqual([
      "processes: process 7 does not end",
      "mounts: nobody has looked",
    ]);
  });
});

describe("addFindings", () => {
  const add = (...all: readonly Partial<Findings>[]) => all.reduce<Findings>(addFindings, NOTHING_FOUND);

  it("forgets nothing of what was found before", () => {
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

  it("believes the last look of a class, also when that is worse", () => {
    expect(add({ swept: [processes()] }, { swept: [processes({ found: 1, removed: 1, left: [] })] }).swept).toEqual([
      processes({ found: 2, removed: 2, left: [] }),
    ]);
    expect(
      add({ swept: clean("files") }, { swept: [{ kind: "files", found: 1, removed: 0, left: ["/tmp/x"] }] }).swept,
    ).toEqual([{ kind: "files", found: 1, removed: 0, left: ["/tmp/x"] }]);
  });

  it("changes nothing that it was given", () => {
    const before = add({ swept: [processes()] });
    const text = JSON.stringify(before);
    addFindings(before, { swept: [processes({ left: [] })], left: ["x"] });
    expect(JSON.stringify(before)).toBe(text);
    expect(NOTHING_FOUND).toEqual({ processesKilled: 0, tmpfsBytes: 0, swept: [], left: [] });
  });
});

describe("isClean", () => {
  it("is true of a receipt that names nothing", () => {
    expect(isClean({ left: [] })).toBe(true);
    expect(isClean({ left: ["process 7 does not end"] })).toBe(false);
  });
});

describe("receiptOf", () => {
  it("is not clean of a session at whose end nobody has looked", () => {
    expect(isClean(receiptOf(SESSION, SHARED_KINDS, MOMENT))).toBe(false);
    expect(receiptOf(SESSION, SHARED_KINDS, MOMENT).left).toHaveLength(SHARED_KINDS.length);
  });

  it("counts the seconds by the clock that nobody sets, and never less than none", () => {
    expect(receiptOf(SESSION, [], { now: 0, uptime: 7_000 + 1_499_999 })).toMatchObject({
      openedAt: 1_000,
      closedAt: 0,
      seconds: 1,
    });
    expect(receiptOf({ ...SESSION, openedUptime: 9e6 }, [], { now: 5, uptime: 0 })).toMatchObject({
      closedAt: 5,
      seconds: 0,
    });
  });

  it("counts none of another boot of the machine, whose clock says nothing of this one's", () => {
    expect(receiptOf({ ...SESSION, cause: "lost-power" }, [], { now: 5, uptime: 100e6 })).toMatchObject({
      seconds: 0,
      closedAt: 5,
    });
  });

  it("says how long the end took, from its first stage on", () => {
    expect(receiptOf({ ...SESSION, endingUptime: 8e6 }, [], { now: 5, uptime: 8_012_345 }).endMilliseconds).toBe(12);
    expect(receiptOf(SESSION, [], { now: 5, uptime: 9e6 }).endMilliseconds).toBe(0);
    expect(receiptOf({ ...SESSION, endingUptime: 8e6 }, [], { now: 5, uptime: 1 }).endMilliseconds).toBe(0);
  });

  it("says what was found, and of which sort the account was", () => {
    const found = { processesKilled: 3, tmpfsBytes: 4096, swept: clean("processes"), left: ["drop-view: boom"] };
    expect(receiptOf({ ...LEASED_SESSION, cause: "logout", found }, ["mounts"], { now: 1, uptime: 7_000 })).toEqual({
      id: "abc",
      user: LEASED.user,
      uid: LEASED.uid,
      leased: true,
      service: "login",
      leader: 500,
      cause: "logout",
      openedAt: 1_000,
      closedAt: 1,
      seconds: 0,
      endMilliseconds: 0,
      ...found,
      left: ["drop-view: boom", "mounts: nobody has looked"],
    });
  });
});
