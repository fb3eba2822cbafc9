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

/** Runs one effect. @param failing the parts that fail */
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

describe("opening a session", () => {
  it.each<[string, Effect]>([
    ["encloseLeader", { kind: "enclose-leader", subject, pid: 500, leased: true, limits: DEFAULTS.Limits }],
    ["buildView", { kind: "build-view", subject, plan: [], isolated: false, cgroup: undefined }],
  ])("fails with %s, except for a login that was aborted", async (part, effect) => {
    await expect(run(effect, { failing: [part] }).outcome).rejects.toThrow(`${part} failed`);
    await expect(run(effect, { failing: [part], alive: false }).outcome).rejects.toMatchObject({ code: "LeaderGone" });
  });
});

describe("the mark that a guest may unlock the screen", () => {
  it.each<[string, Effect]>([
    [`mark ${LEASED.uid}`, { kind: "permit-unlock", subject }],
    [`unmark ${LEASED.uid}`, { kind: "forbid-unlock", subject }],
    [`unmark ${LEASED.uid}`, { kind: "forbid-unlock", subject: UID }],
  ])("belongs to the UID (%s)", async (line, effect) => {
    const { outcome, did } = run(effect);
    await outcome;
    expect(did).toEqual([line]);
  });
});

describe("what greeters are told", () => {
  it.each<[string, boolean, Effect]>([
    ["list", true, { kind: "list-account", subject }],
    ["unlist", false, { kind: "unlist-account", subject }],
  ])("is the account's name (%s), and whether they were told is known", async (part, told, effect) => {
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

  it("first saves why the UID is quarantined, with name and session", async () => {
    const { outcome, did } = run(remove("files: /tmp/x"));
    await outcome;
    expect(did).toEqual([
      "letGo abc",
      `saveUid ${LEASED.uid} {"reason":"files: /tmp/x","user":"${LEASED.user}","session":"abc"}`,
      "leave abc",
      `remove abc ${LEASED.uid}`,
    ]);
  });

  it("leaves the record to the next guestd when that cannot be saved", async () => {
    const { outcome, names } = run(remove("files: /tmp/x"), { failing: ["saveUid"] });
    await expect(outcome).rejects.toThrow("saveUid failed");
    expect(names()).toEqual(["letGo", "saveUid"]);
  });

  it("saves no UID of a shared account", async () => {
    const { outcome, names } = run({ kind: "remove-record", subject, lease: undefined });
    await outcome;
    expect(names()).toEqual(["letGo", "leave", "remove"]);
  });
});

describe("announcing an end", () => {
  const announce = (repeated: boolean): Effect => ({ kind: "announce-closed", subject, receipt: RECEIPT, repeated });

  it("is skipped when an earlier guestd wrote it to the journal", async () => {
    const { outcome, did } = run(announce(true), { announced: true });
    expect(await outcome).toEqual({ wasAnnounced: true });
    expect(did).toEqual(["wasAnnounced abc"]);
  });

  it("is done when the earlier guestd did not get to it", async () => {
    const { outcome, did } = run(announce(true));
    expect(await outcome).toEqual({ wasAnnounced: false });
    expect(did).toEqual(["wasAnnounced abc", "emit SessionClosed"]);
  });

  it("does not search the journal at an ordinary end", async () => {
    const { outcome, did } = run(announce(false), { announced: true });
    await outcome;
    expect(did).toEqual(["emit SessionClosed"]);
  });
});

describe("sweeping", () => {
  it.each([
    ["an account", "checkForeign", { kind: "sweep-account", subject, since: 0 }],
    ["a quarantined UID", "findForeign", { kind: "sweep-uid", subject: UID, session: "s7" }],
  ] satisfies [string, string, Effect][])(
    "%s removes nothing when the UID's owner cannot be determined",
    async (_, check, effect) => {
      const { outcome, names } = run(effect, { failing: [check] });
      await expect(outcome).rejects.toThrow(`${check} failed`);
      expect(names()).toEqual([check]);
    },
  );

  it("a quarantined UID removes nothing when it belongs to a user, and names them", async () => {
    const { outcome, names } = run({ kind: "sweep-uid", subject: UID, session: "s7" }, { owner: "dora" });
    expect(await outcome).toEqual({ owner: "dora", swept: [] });
    expect(names()).toEqual(["findForeign"]);
  });

  it("a quarantined UID uses the id of its last session", async () => {
    const { outcome, did } = run({ kind: "sweep-uid", subject: UID, session: "s7" });
    expect(await outcome).toEqual({ swept: clean("processes", "mounts") });
    expect(did.slice(1)).toEqual([
      `withdraw ${JSON.stringify(UID)}`,
      `sweepUid ${JSON.stringify(UID)} s7 ${JSON.stringify(DEFAULTS.Sweep)}`,
    ]);
  });

  it("follows the configuration in force", async () => {
    const { outcome, did } = run({ kind: "sweep-account", subject, since: 5 });
    expect(await outcome).toEqual({ swept: clean("files") });
    expect(did.at(-1)).toContain(JSON.stringify(DEFAULTS.Sweep));
    expect(did.at(-1)).not.toContain("pairedSince");
  });
});

describe("the switch", () => {
  const write: Effect = {
    kind: "write-switch",
    subject: SWITCH,
    loginSwitch: { enabled: false, reason: "an examination" },
    call: 1,
  };

  it("reports when it cannot be saved", async () => {
    await expect(run(write, { failing: ["writeSwitch"] }).outcome).rejects.toThrow("writeSwitch failed");
  });

  it("is saved", async () => {
    const { outcome, did } = run(write);
    await outcome;
    expect(did).toEqual(['writeSwitch {"enabled":false,"reason":"an examination"}']);
  });
});

describe("an end", () => {
  it("is saved in the record", async () => {
    const { outcome, names } = run({ kind: "note-ending", subject, saved: savedEnding(ENDING) });
    await outcome;
    expect(names()).toEqual(["write"]);
  });

  it("keeps as many receipts as configured", async () => {
    const { outcome, did } = run({ kind: "write-receipt", subject, receipt: RECEIPT });
    await outcome;
    expect(did).toEqual([`keepReceipt ${JSON.stringify(RECEIPT)} ${DEFAULTS.Daemon.KeepReceipts}`]);
  });

  it("removes the user manager's mark before logind is asked to forget the user", async () => {
    const { outcome, names } = run({ kind: "terminate-user", subject });
    expect(await outcome).toEqual({ swept: clean("linger") });
    expect(names()).toEqual(["dropLinger", "forgetUser"]);
  });
});

describe("the result of a later look", () => {
  const quarantine = { reason: "files: x", user: "guest-bbbb", session: "s7" };
  const kept: Effect = { kind: "quarantine-uid", subject: UID, quarantine, found: "files: x" };
  const released: Effect = { kind: "release-uid", subject: UID, call: undefined, clears: { session: "s7", at: 7 } };

  it.each([
    ["the state of the UID, and then the receipt", kept],
    ["the release of the UID, and then the receipt", released],
  ])("is saved in order: %s", async (_, effect) => {
    const { outcome, names } = run(effect);
    await outcome;
    expect(names()).toEqual(["saveUid", "amend"]);
  });

  it.each([
    ["nothing was found", { ...kept, found: undefined }],
    ["an administrator releases the UID", { ...released, clears: undefined }],
  ])("leaves the receipt unchanged where %s", async (_, effect) => {
    const { outcome, names } = run(effect);
    await outcome;
    expect(names()).toEqual(["saveUid"]);
  });

  it("is in no receipt when the UID cannot be saved", async () => {
    const { outcome, names } = run(released, { failing: ["saveUid"] });
    await expect(outcome).rejects.toThrow("saveUid failed");
    expect(names()).toEqual(["saveUid"]);
  });
});
