import { describe, expect, it } from "vitest";
import type { SavedSession } from "../../../../src/policy/session.ts";
import { sortRecords } from "../../../../src/system/state/sort-records.ts";
import { recordOf } from "../../../helpers/play.ts";
import { ENDING_SESSION, SESSION } from "../../../helpers/samples.ts";

const session = (id: string): SavedSession => recordOf({ ...SESSION, id });
const here = (id: string) => ({ session: session(id), isOfThisBoot: true });
const before = (id: string) => ({ session: session(id), isOfThisBoot: false });
const sort = (
  records: readonly SavedSession[],
  entries: Parameters<typeof sortRecords>[1],
  unclear: readonly string[] = [],
) => {
  const { found, dead, unknown } = sortRecords(records, entries, new Set(unclear));
  const said = (list: typeof found) =>
    list.map(({ saved: { id }, cause }) => (cause === undefined ? id : `${id} ${cause}`));
  return { found: said(found), dead: said(dead), unknown: [...unknown] };
};

describe("sortRecords", () => {
  it("returns nothing where nothing is stored", () => {
    expect(sort([], [])).toEqual({ found: [], dead: [], unknown: [] });
  });

  it("prefers the record where both exist", () => {
    const record = recordOf({ ...ENDING_SESSION, id: "a" });
    expect(sortRecords([record], [here("a")], new Set()).found).toEqual([{ saved: record, cause: undefined }]);
  });

  it("believes a record even when the ledger names another boot, since /run does not survive one", () => {
    expect(sort([session("a")], [before("a")])).toEqual({ found: ["a"], dead: [], unknown: [] });
  });

  it("ends a session that is only in the ledger, by its boot", () => {
    expect(sort([session("a")], [here("a"), here("b"), before("c")])).toEqual({
      found: ["a", "b record-lost"],
      dead: ["c lost-power"],
      unknown: [],
    });
  });

  it("ends a session whose record was set aside and that is in the ledger", () => {
    expect(sort([], [here("a")], ["a"])).toEqual({ found: ["a record-lost"], dead: [], unknown: [] });
  });

  it("concludes nothing about a session that is readable in neither", () => {
    expect(sort([session("a")], [here("a")], ["b", "c"])).toEqual({ found: ["a"], dead: [], unknown: ["b", "c"] });
  });

  it("names no session twice", () => {
    const { found, dead, unknown } = sort(
      [session("a"), session("b")],
      [here("a"), here("c"), before("d")],
      ["c", "d", "e"],
    );
    const all = [...found, ...dead, ...unknown].map((name) => name.split(" ")[0]);
    expect(new Set(all).size).toBe(all.length);
    expect(unknown).toEqual(["e"]);
  });
});
