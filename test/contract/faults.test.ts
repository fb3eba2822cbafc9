// The fault table (test/machine/faults.test.ts) covers every effect.
import { describe, expect, it } from "vitest";
import type { EffectKind } from "../../src/policy/effects.ts";
import { EFFECT_KINDS } from "../../src/policy/effects.ts";
import { describeRow, ELSEWHERE, ERRNOS, rowsFor, TABLE, WAYS } from "../helpers/fault-table.ts";
import { releases } from "../helpers/root.ts";
import { listProjectFiles } from "../helpers/tree.ts";
import { INSTANT_PARTS } from "../helpers/walk.ts";

const struck = new Set<string>(TABLE.map(({ kind }) => kind));

describe("the fault table", () => {
  it("fails every effect, or names the test that does", () => {
    const isNamed = (kind: EffectKind) => struck.has(kind) !== kind in ELSEWHERE;
    expect(EFFECT_KINDS.filter((kind) => !isNamed(kind))).toEqual([]);
    expect(Object.values(ELSEWHERE).filter((file) => !listProjectFiles().includes(file))).toEqual([]);
  });

  it("fails an effect as often as a login runs it", () => {
    const timesOf = (way: (typeof WAYS)[number], kind: EffectKind) =>
      Math.max(...TABLE.filter((row) => row.way === way && row.kind === kind).map(({ nth }) => nth));
    // AllocateAccount, OpenSession, and JoinSession of the user manager, which only a leased account has.
    expect(timesOf("leased", "answer")).toBe(3);
    expect(timesOf("shared", "answer")).toBe(2);
    // Leased: at the lease and at the opening. Shared: at the opening and once logind has moved the leader.
    expect(timesOf("leased", "write-record")).toBe(2);
    expect(timesOf("shared", "write-record")).toBe(2);
  });

  it("fails each effect in each distinct way, and never twice the same", () => {
    for (const way of WAYS) {
      const rows = TABLE.filter((row) => row.way === way);
      expect(new Set(rows.map(describeRow)).size, way).toBe(rows.length);
      for (const kind of new Set(rows.map((row) => row.kind))) {
        const faults = new Set(rows.filter((row) => row.kind === kind).map(({ fault }) => fault));
        expect(faults.size, `${way}: ${kind}`).toBe(kind === "answer" ? 4 : 5);
      }
    }
  });

  it("has each errno fail an effect, before and after it is done", () => {
    for (const fault of ["before", "after"]) {
      const seen = new Set(TABLE.filter((row) => row.fault === fault).map(({ errno }) => errno));
      expect(seen, fault).toEqual(new Set(ERRNOS));
    }
  });

  it("is covered by as many rounds as there are parts, and by one without a seed", () => {
    const rounds = Array.from({ length: INSTANT_PARTS }, (_, step) => 6 + step);
    expect(rowsFor("trixie", null)).toEqual(TABLE);
    expect(rowsFor("bookworm", null)).toEqual(TABLE);
    expect(new Set(rounds.flatMap((seed) => rowsFor("trixie", seed)))).toEqual(new Set(TABLE));
    for (const release of releases) {
      const kills = rounds.flatMap((seed) => rowsFor(release, seed)).filter(({ fault }) => fault.startsWith("kill"));
      expect(new Set(kills), release).toEqual(new Set(TABLE.filter(({ fault }) => fault.startsWith("kill"))));
    }
  });
});
