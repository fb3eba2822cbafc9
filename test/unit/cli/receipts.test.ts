import { describe, expect, it } from "vitest";
import { ClientError } from "../../../src/bus/client.ts";
import { formatTime } from "../../../src/cli/format.ts";
import { runWith } from "../../helpers/guestctl.ts";

const CLOSED = 1_790_000_000_000_000;

const CLEAN = {
  id: "abc",
  user: "guest-k3f9",
  uid: 60600,
  leased: true,
  service: "login",
  leader: 500,
  cause: "logout",
  opened: CLOSED - 7_500e6,
  closed: CLOSED,
  seconds: 7500,
  ending: 345_000,
  killed: 4,
  freed: 1_572_864,
  swept: [
    ["processes", 4, 4, []],
    ["files", 2, 2, []],
  ],
  clean: true,
  left: [],
};
const LEFT = "files: /tmp/keep is still there";
const DIRTY = {
  ...CLEAN,
  id: "def",
  swept: [["files", 3, 2, ["/tmp/keep is still there"]]],
  clean: false,
  left: [LEFT, "drop-view: EIO"],
};

const NO_SUCH = new ClientError(
  "NoSuchReceipt",
  'There is no receipt of session xyz; "guestctl receipts" shows those that are kept.',
);

const GetReceipt = (id: unknown) => (id === "abc" ? [CLEAN] : id === "def" ? [DIRTY] : NO_SUCH);

describe("guestctl receipt exits with 1", () => {
  it("when there is no such receipt, and says where to look", async () => {
    const { code, out, err } = await runWith(["receipt", "xyz"], { GetReceipt });
    expect({ code, out }).toEqual({ code: 1, out: "" });
    expect(err).toBe(`guestctl: ${NO_SUCH.message}`);
  });

  it("when one of several does not exist, and still shows the others", async () => {
    const { code, out, calls } = await runWith(["receipt", "abc", "xyz", "def"], { GetReceipt });
    expect(code).toBe(1);
    expect(calls).toEqual([
      ["GetReceipt", "abc"],
      ["GetReceipt", "xyz"],
      ["GetReceipt", "def"],
    ]);
    expect(out).toMatch(/^id: +abc$/m);
    expect(out).toMatch(/^id: +def$/m);
    expect(out).toContain(NO_SUCH.message);
  });

  it("when one is not clean, and names what is left", async () => {
    const { code, out } = await runWith(["receipt", "def"], { GetReceipt });
    expect(code).toBe(1);
    expect(out).toContain("CLASS  FOUND  REMOVED  LEFT\nfiles  3      2        1\n");
    expect(out).toMatch(new RegExp(`\n\nLeft:\n  ${LEFT}\n  drop-view: EIO$`));
    expect((await runWith(["receipt", "abc", "def", "--json"], { GetReceipt })).code).toBe(1);
  });

  it("for other users than root", async () => {
    const { code, err } = await runWith(["receipt", "abc", "def"], {
      GetReceipt: new ClientError("AccessDenied", "x"),
    });
    expect(code).toBe(1);
    expect(err).toMatch(/sudo/);
  });
});

describe("guestctl receipt", () => {
  it("escapes names chosen by a guest", async () => {
    const evil = "files: /tmp/\u001b[2J\nLeft: nothing\u202e is still there";
    const { out } = await runWith(["receipt", "def"], { GetReceipt: [{ ...DIRTY, left: [evil] }] });
    expect(out.split("\n").at(-1)).toBe("  files: /tmp/\\u{1b}[2J\\u{a}Left: nothing\\u{202e} is still there");
  });

  it("shows the whole receipt", async () => {
    const { code, out } = await runWith(["receipt", "abc"], { GetReceipt });
    expect(code).toBe(0);
    expect(out.split("\n")).toEqual([
      "id:      abc",
      "user:    guest-k3f9",
      "uid:     60600",
      "leased:  yes",
      "service: login",
      "leader:  500",
      "cause:   logout",
      `opened:  ${formatTime(CLEAN.opened)}`,
      `closed:  ${formatTime(CLOSED)}`,
      "lasted:  2h 5min",
      "took:    345ms",
      "killed:  4",
      "freed:   1.5M",
      "clean:   yes",
      "",
      "CLASS      FOUND  REMOVED  LEFT",
      "processes  4      4        0",
      "files      2      2        0",
      "",
      "Nothing is left.",
    ]);
  });

  it("shows which terms of use were accepted, and when", async () => {
    const accepted = { ...CLEAN, terms: "d1d1", accepted: CLOSED };
    const { out } = await runWith(["receipt", "abc"], { GetReceipt: [accepted] });
    expect(out).toMatch(/^terms: +d1d1$/m);
    expect(out).toContain(`\naccepted: ${formatTime(CLOSED)}\n`);
    const none = await runWith(["receipt", "abc"], { GetReceipt: [{ ...CLEAN, terms: "", accepted: 0 }] });
    expect(none.out).toMatch(/^accepted: +-$/m);
  });

  it("shows no duration for a session that was open when the machine went down", async () => {
    const lost = { ...CLEAN, leased: false, cause: "lost-power", seconds: 0, swept: [] };
    const { out } = await runWith(["receipt", "abc"], { GetReceipt: [lost] });
    expect(out).toMatch(/^lasted: +unknown$/m);
    expect(out).not.toContain("CLASS");
  });

  it("prints JSON with a name for each field: an object for one receipt, a list for several", async () => {
    const one = JSON.parse((await runWith(["receipt", "def", "--json"], { GetReceipt })).out) as unknown;
    const swept = [{ kind: "files", found: 3, removed: 2, left: ["/tmp/keep is still there"] }];
    expect(one).toEqual({ ...DIRTY, swept });
    const several = JSON.parse((await runWith(["receipt", "abc", "def", "--json"], { GetReceipt })).out) as unknown[];
    expect(several).toHaveLength(2);
    expect(several[1]).toEqual(one);
  });
});

describe("guestctl receipts", () => {
  it("lists the receipts, and counts the unclean ones", async () => {
    const { code, out, calls } = await runWith(["receipts"], {
      DescribeReceipts: [JSON.stringify([DIRTY, { ...CLEAN, ending: 2_340_000, freed: 0 }])],
    });
    expect(code).toBe(0);
    expect(calls).toEqual([["DescribeReceipts", false]]);
    const ended = formatTime(CLOSED);
    expect(out.split("\n")).toEqual([
      "SESSION  USER        UID    SERVICE  ENDED                CAUSE   TOOK   KILLED  FREED  CLEAN",
      `def      guest-k3f9  60600  login    ${ended}  logout  345ms  4       1.5M   no`,
      `abc      guest-k3f9  60600  login    ${ended}  logout  2.3s   4       0B     yes`,
      "",
      "2 receipts. 1 names something left.",
    ]);
  });

  it("with --failed asks only for unclean ones, and accepts none", async () => {
    const { code, out, calls } = await runWith(["receipts", "--failed"], {
      DescribeReceipts: [JSON.stringify([DIRTY])],
    });
    expect(code).toBe(0);
    expect(calls).toEqual([["DescribeReceipts", true]]);
    expect(out).toContain("\n\n1 receipt. 1 names something left.");
  });

  it("reports that there are no receipts", async () => {
    expect((await runWith(["receipts"], { DescribeReceipts: [JSON.stringify([])] })).out).toBe("No receipts.");
    expect((await runWith(["receipts", "--failed"], { DescribeReceipts: [JSON.stringify([])] })).out).toBe(
      "No receipt of a session that left something.",
    );
  });

  it("prints JSON, always as a list", async () => {
    const { out } = await runWith(["receipts", "--json"], { DescribeReceipts: [JSON.stringify([CLEAN])] });
    expect(JSON.parse(out)).toEqual([
      {
        ...CLEAN,
        swept: [
          { kind: "processes", found: 4, removed: 4, left: [] },
          { kind: "files", found: 2, removed: 2, left: [] },
        ],
      },
    ]);
    expect(JSON.parse((await runWith(["receipts", "--json"], { DescribeReceipts: [JSON.stringify([])] })).out)).toEqual(
      [],
    );
  });
});

describe("a receipt that was updated by later looks", () => {
  const unseen = { ...CLEAN, id: "s1", unseen: ["/tmp"], found_later: [], cleared: 0 };
  const found = { ...unseen, id: "s2", clean: false, unseen: [], found_later: ["files: /tmp/x: EPERM"] };
  const cleared = { ...DIRTY, id: "s3", unseen: [], found_later: [], cleared: CLOSED + 60e6 };
  const all = [unseen, found, cleared];
  const DescribeReceipts = [JSON.stringify(all)];

  it("is shown as clean so far, not clean, or clean later", async () => {
    const { out, code } = await runWith(["receipts"], { DescribeReceipts });
    expect(code).toBe(0);
    const rows = out.split("\n").slice(1, 4);
    expect(rows.map((row) => /^(s\d) .* (so far|no|later|yes)$/.exec(row)?.slice(1))).toEqual([
      ["s1", "so far"],
      ["s2", "no"],
      ["s3", "later"],
    ]);
    expect(out.split("\n").at(-1)).toBe("3 receipts. 1 names something left.");
  });

  it("shows what was not searched, what was found later, and when nothing was left", async () => {
    const show = async (receipt: object) => runWith(["receipt", "s1"], { GetReceipt: [receipt] });
    expect(await show(unseen)).toMatchObject({
      code: 0,
      out: expect.stringMatching(
        /clean: +so far\n[^]*Nothing is left\.\n\nNot looked through yet:\n  \/tmp$/,
      ) as string,
    });
    expect(await show(found)).toMatchObject({
      code: 1,
      out: expect.stringMatching(/clean: +no\n[^]*Found later:\n  files: \/tmp\/x: EPERM$/) as string,
    });
    const later = await show(cleared);
    expect(later.code).toBe(0);
    expect(later.out).toMatch(/clean: +later\n/);
    expect(later.out).toContain(`cleared: ${formatTime(CLOSED + 60e6)}`);
  });

  it("contains all of that in JSON", async () => {
    const { out } = await runWith(["receipts", "--json"], { DescribeReceipts });
    expect(JSON.parse(out)).toMatchObject(
      all.map(({ id, unseen, found_later, cleared }) => ({ id, unseen, found_later, cleared })),
    );
  });
});
