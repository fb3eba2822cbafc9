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
  it("knows of nothing where nothing is", () => {
    expect(sort([], [])).toEqual({ found: [], dead: [], unknown: [] });
  });

  it("goes by the record where there are both", () => {
    const record = recordOf({ ...ENDING_SESSION, id: "a" });
    expect(sortRecords([record], [here("a")], new Set()).found).toEqual([{ saved: record, cause: undefined }]);
  });

  it("believes a record also when the ledger takes its session for one of another boot: /run does not outlive one", () => {
    expect(sort([session("a")], [before("a")])).toEqual({ found: ["a"], dead: [], unknown: [] });
  });

  it("ends what is in the ledger alone: by which boot it was", () => {
    expect(sort([session("a")], [here("a"), here("b"), before("c")])).toEqual({
      found: ["a", "b record-lost"],
      dead: ["c lost-power"],
      unknown: [],
    });
  });

  it("ends a session whose record was set aside and that the ledger knows", () => {
    expect(sort([], [here("a")], ["a"])).toEqual({ found: ["a record-lost"], dead: [], unknown: [] });
  });

  it("concludes nothing of a session that neither can tell", () => {
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
