import { describe, expect, it } from "vitest";
import { wasAnnounced } from "../../../src/system/announcements.ts";

describe("wasAnnounced", () => {
  it.each(["", "../x", "a b", "--flush", "s1\nGUEST_SESSION=s2"])(
    "does not search the journal for an invalid session id: %j",
    async (id) => {
      await expect(wasAnnounced(id)).rejects.toThrow("is not a session's id");
    },
  );

  it("finds nothing for a session that never existed", async () => {
    expect(await wasAnnounced("neverannounced234")).toBe(false);
  });
});
