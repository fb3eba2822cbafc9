import { describe, expect, it } from "vitest";
import { wasAnnounced } from "../../../src/system/announcements.ts";

describe("wasAnnounced", () => {
  it.each(["", "../x", "a b", "--flush", "s1\nGUEST_SESSION=s2"])(
    "asks the journal for nothing that is no session: %j",
    async (id) => {
      await expect(wasAnnounced(id)).rejects.toThrow("is not a session's id");
    },
  );

  it("knows of no session that there never was", async () => {
    expect(await wasAnnounced("neverannounced234")).toBe(false);
  });
});
