import { describe, expect, it } from "vitest";
import { DEFAULTS } from "../../src/config/parse.ts";
import { runnerOf } from "../../src/daemon.ts";
import type { EffectParts } from "../../src/effects.ts";
import { makeRunners } from "../../src/effects.ts";
import type { Effect } from "../../src/policy/effects.ts";
import { makeReceipt } from "../../src/policy/make-receipt.ts";
import { savedEnding } from "../../src/policy/session.ts";
import type { UidSubject } from "../../src/policy/subject.ts";
import { subjectOf, SWITCH } from "../../src/policy/subject.ts";
import { clean } from "../helpers/play.ts";
import { endingOf, LEASED, LEASED_SESSION } from "../helpers/samples.ts";

const subject = subjectOf(LEASED_SESSION);
const UID: UidSubject = { of: "uid", uid: LEASED.uid, user: LEASED.user };
const ENDING = endingOf(LEASED_SESSION);
const RECEIPT = makeReceipt(ENDING, [], { now: 2_000, uptime: 9_000 });

/** Does one effect with parts that note what they are asked for. @param failing the parts that fail */
function run(
  effect: Effect,
  {
    failing = [],
    announced = false,
    alive = true,
    owner,
  }: { failing?: readonly string[]; announced?: boolean; alive?: boolean; owner?: string } = {},
) {
  const did: string[] = [];
  const part =
    (name: string, result?: unknown) =>
    (...args: readonly unknown[]) => {
      did.push([name, ...args].map((one) => (typeof one === "string" ? one : JSON.stringify(one))).join(" "));
      if (failing.includes(name)) throw new Error(`${name} failed`);
      return result;
    };
  const promised = (name: string, result?: unknown) => {
    const made = part(name, result);
    // eslint-disable-next-line @typescript-eslint/require-await
    return async (...args: readonly unknown[]) => made(...args);
  };
  const parts = {
    leaders: { isAlive: () => alive },
    views: { letGo: part("letGo"), build: promised("buildView") },
    placement: { encloseLeader: promised("encloseLeader") },
    leases: {
      saveUid: promised("saveUid"),
      checkForeign: promised("checkForeign"),
      findForeign: promised("findForeign", owner),
      dropLinger: part("dropLinger", clean("linger")[0]),
      withdraw: part("withdraw"),
    },
    marks: { make: part("mark", { made: true }), remove: part("unmark") },
    store: { write: part("write"), remove: part("remove") },
    ledger: {
      enter: promised("enter"),
      leave: part("leave"),
    },
    receipts: { keep: promised("keepReceipt"), amend: promised("amend") },
    loginSwitch: { write: promised("writeSwitch") },
    offers: { offer: promised("offer", { changed: true }) },
    sweeper: { sweep: promised("sweep", clean("files")) },
    sweepUid: promised("sweepUid", { swept: clean("processes", "mounts") }),
    users: { terminate: promised("forgetUser") },
    greeters: { list: promised("list", true), unlist: promised("unlist", false) },
    service: { emit: (signal: string) => did.push(`emit ${signal}`) },
    wasAnnounced: (id: string) => {
      did.push(`wasAnnounced ${id}`);
      return Promise.resolve(announced);
    },
    settings: () => DEFAULTS,
  };
  const outcome = runnerOf(makeRunners(parts as unknown as EffectParts))(effect);
  return { outcome, names: () => did.map((line) => line.split(" ")[0]), did };
}

describe("opening", () => {
  it.each<[string, Effect]>([
    ["encloseLeader", { kind: "enclose-leader", subject, pid: 500, leased: true, limits: DEFAULTS.Limits }],
    ["buildView", { kind: "build-view", subject, plan: [], isolated: false, cgroup: undefined }],
  ])("fails with %s, but for a login that was broken off", async (part, effect) => {
    await expect(run(effect, { failing: [part] }).outcome).rejects.toThrow(`${part} failed`);
    await expect(run(effect, { failing: [part], alive: false }).outcome).rejects.toMatchObject({ code: "LeaderGone" });
  });
});

describe("a mark that a guest may unlock the screen", () => {
  it.each<[string, Effect]>([
    [`mark ${LEASED.uid}`, { kind: "permit-unlock", subject }],
    [`unmark ${LEASED.uid}`, { kind: "forbid-unlock", subject }],
    [`unmark ${LEASED.uid}`, { kind: "forbid-unlock", subject: UID }],
  ])("is that of the uid (%s)", async (line, effect) => {
    const { outcome, did } = run(effect);
    await outcome;
    expect(did).toEqual([line]);
  });
});

describe("what greeters are told", () => {
  it.each<[string, boolean, Effect]>([
    ["list", true, { kind: "list-account", subject }],
    ["unlist", false, { kind: "unlist-account", subject }],
  ])("is the name of the account (%s), and whether they were told is known", async (part, told, effect) => {
    const { outcome, did } = run(effect);
    expect(await outcome).toEqual({ told });
    expect(did).toEqual([`${part} ${subject.user}`]);
  });
});

describe("removing a record", () => {
  const remove = (reason?: string): Effect => ({
    kind: "remove-record",
    subject,
    lease: { quarantine: reason === undefined ? undefined : { reason, user: subject.user, session: subject.id } },
  });

  it("writes down first why its uid is kept, and with which name and session", async () => {
    const { outcome, did } = run(remove("files: /tmp/x"));
    await outcome;
    expect(did).toEqual([
      "letGo abc",
      `saveUid ${LEASED.uid} {"reason":"files: /tmp/x","user":"${LEASED.user}","session":"abc"}`,
      "leave abc",
      `remove abc ${LEASED.uid}`,
    ]);
  });

  it("leaves the record to the next guestd when that cannot be written down", async () => {
    const { outcome, names } = run(remove("files: /tmp/x"), { failing: ["saveUid"] });
    await expect(outcome).rejects.toThrow("saveUid failed");
    expect(names()).toEqual(["letGo", "saveUid"]);
  });

  it("saves no uid of an account that sessions share", async () => {
    const { outcome, names } = run({ kind: "remove-record", subject, lease: undefined });
    await outcome;
    expect(names()).toEqual(["letGo", "leave", "remove"]);
  });
});

describe("announcing an end", () => {
  const announce = (repeated: boolean): Effect => ({ kind: "announce-closed", subject, receipt: RECEIPT, repeated });

  it("is not done twice, when the journal has it from an earlier guestd", async () => {
    const { outcome, did } = run(announce(true), { announced: true });
    expect(await outcome).toEqual({ wasAnnounced: true });
    expect(did).toEqual(["wasAnnounced abc"]);
  });

  it("is done when that one had no time for it", async () => {
    const { outcome, did } = run(announce(true));
    expect(await outcome).toEqual({ wasAnnounced: false });
    expect(did).toEqual(["wasAnnounced abc", "emit SessionClosed"]);
  });

  it("asks the journal for nothing at an end of every day", async () => {
    const { outcome, did } = run(announce(false), { announced: true });
    await outcome;
    expect(did).toEqual(["emit SessionClosed"]);
  });
});

describe("sweeping", () => {
  it.each([
    ["an account", "checkForeign", { kind: "sweep-account", subject }],
    ["a quarantined UID", "findForeign", { kind: "sweep-uid", subject: UID, session: "s7" }],
  ] satisfies [string, string, Effect][])(
    "%s touches nothing when it cannot be told whose it is by now",
    async (_, check, effect) => {
      const { outcome, names } = run(effect, { failing: [check] });
      await expect(outcome).rejects.toThrow(`${check} failed`);
      expect(names()).toEqual([check]);
    },
  );

  it("a quarantined UID touches nothing when it is a user's by now, and says whose", async () => {
    const { outcome, names } = run({ kind: "sweep-uid", subject: UID, session: "s7" }, { owner: "dora" });
    expect(await outcome).toEqual({ owner: "dora", swept: [] });
    expect(names()).toEqual(["findForeign"]);
  });

  it("a quarantined UID goes by its last session", async () => {
    const { outcome, did } = run({ kind: "sweep-uid", subject: UID, session: "s7" });
    expect(await outcome).toEqual({ swept: clean("processes", "mounts") });
    expect(did.slice(1)).toEqual([
      `withdraw ${JSON.stringify(UID)}`,
      `sweepUid ${JSON.stringify(UID)} s7 ${JSON.stringify(DEFAULTS.Sweep)}`,
    ]);
  });

  it("goes by the settings in force", async () => {
    const { outcome, did } = run({ kind: "sweep-account", subject });
    expect(await outcome).toEqual({ swept: clean("files") });
    expect(did.at(-1)).toContain(JSON.stringify(DEFAULTS.Sweep));
  });
});

describe("the switch", () => {
  const write: Effect = {
    kind: "write-switch",
    subject: SWITCH,
    loginSwitch: { enabled: false, reason: "an examination" },
    call: 1,
  };

  it("fails when it cannot be written down", async () => {
    await expect(run(write, { failing: ["writeSwitch"] }).outcome).rejects.toThrow("writeSwitch failed");
  });

  it("is written down", async () => {
    const { outcome, did } = run(write);
    await outcome;
    expect(did).toEqual(['writeSwitch {"enabled":false,"reason":"an examination"}']);
  });
});

describe("an end", () => {
  it("is noted as any other record", async () => {
    const { outcome, names } = run({ kind: "note-ending", subject, saved: savedEnding(ENDING) });
    await outcome;
    expect(names()).toEqual(["write"]);
  });

  it("has as many receipts kept as are to be", async () => {
    const { outcome, did } = run({ kind: "write-receipt", subject, receipt: RECEIPT });
    await outcome;
    expect(did).toEqual([`keepReceipt ${JSON.stringify(RECEIPT)} ${DEFAULTS.Daemon.KeepReceipts}`]);
  });

  it("takes the mark of a user manager away before logind is asked to forget the user", async () => {
    const { outcome, names } = run({ kind: "terminate-user", subject });
    expect(await outcome).toEqual({ swept: clean("linger") });
    expect(names()).toEqual(["dropLinger", "forgetUser"]);
  });
});

describe("what a later look has found", () => {
  const quarantine = { reason: "files: x", user: "guest-bbbb", session: "s7" };
  const kept: Effect = { kind: "quarantine-uid", subject: UID, quarantine, found: "files: x" };
  const released: Effect = { kind: "release-uid", subject: UID, call: undefined, clears: { session: "s7", at: 7 } };

  it.each([
    ["what becomes of the uid, and then the receipt", kept],
    ["that it is released, and then the receipt", released],
  ])("is written down: %s", async (_, effect) => {
    const { outcome, names } = run(effect);
    await outcome;
    expect(names()).toEqual(["saveUid", "amend"]);
  });

  it.each([
    ["nothing was found", { ...kept, found: undefined }],
    ["an administrator vouches for it", { ...released, clears: undefined }],
  ])("leaves the receipt as it is where %s", async (_, effect) => {
    const { outcome, names } = run(effect);
    await outcome;
    expect(names()).toEqual(["saveUid"]);
  });

  it("is in no receipt when the uid could not be written down", async () => {
    const { outcome, names } = run(released, { failing: ["saveUid"] });
    await expect(outcome).rejects.toThrow("saveUid failed");
    expect(names()).toEqual(["saveUid"]);
  });
});
