// The verbs about the UIDs of leased accounts.
import type { Client } from "../bus/client.ts";
import type { Fields, Output } from "./command.ts";
import { askEach, oneOrAll } from "./command.ts";
import { formatTable } from "./format.ts";
import type { Options } from "./options.ts";

/** In the order of the summary. */
const STATES = ["leased", "quarantined", "foreign", "waiting", "rested", "unused"] as const;

const IDLE: readonly unknown[] = ["waiting", "rested", "unused"] satisfies (typeof STATES)[number][];

/** The number after it means "none" (setresuid(2)). */
const LAST_UID = 0xffff_fffe;

export async function leases(
  _args: readonly string[],
  { all }: Options,
  connect: () => Promise<Client>,
): Promise<Output> {
  const [found] = await (await connect()).call("ListLeases");
  const uids = found as Fields[];
  const shown = all ? uids : uids.filter(({ state }) => !IDLE.includes(state));
  const table = shown.length === 0 ? "No uid is leased or quarantined." : showTable(shown);
  return { text: `${table}\n\n${count(uids, all)}`, json: uids };
}

function showTable(uids: readonly Fields[]): string {
  const rows = uids.map(({ uid, last, state, user, session, reason }) =>
    [uid === last ? uid : `${String(uid)}-${String(last)}`, state, user || "-", session || "-", reason || "-"].map(
      String,
    ),
  );
  return formatTable(["UID", "STATE", "USER", "SESSION", "REASON"], rows);
}

function count(uids: readonly Fields[], all: boolean): string {
  const sizeOf = (rows: readonly Fields[]) =>
    rows.reduce((sum, { uid, last }) => sum + Number(last) - Number(uid) + 1, 0);
  const counts = STATES.map((state) => ({ state, number: sizeOf(uids.filter((one) => one["state"] === state)) }));
  const say = (some: typeof counts) => some.map(({ state, number }) => `${number} ${state}`).join(", ");
  if (all) return `${sizeOf(uids)} uids: ${say(counts.filter(({ number }) => number > 0)) || "none"}.`;
  return `Not shown: ${say(counts.filter(({ state }) => IDLE.includes(state)))}. --all shows them as well.`;
}

/** The end of a sentence. */
export function findLeaseFault([verb, ...uids]: readonly string[]): string | undefined {
  if (verb !== "release" || uids.length === 0) return "takes release UID...";
  const bad = uids.find((uid) => !/^[1-9]\d{0,9}$/.test(uid) || Number(uid) > LAST_UID);
  return bad === undefined ? undefined : `release takes uids: ${JSON.stringify(bad)} is none`;
}

export async function lease(
  [, ...uids]: readonly string[],
  _options: Options,
  connect: () => Promise<Client>,
): Promise<Output> {
  const client = await connect();
  const { done, failures } = await askEach(uids, async (uid) => {
    await client.call("ReleaseLease", "u", [Number(uid)]);
    return { uid: Number(uid), released: true };
  });
  return {
    text: [...done.map(({ uid }) => `Released uid ${uid}: it may be leased again.`), ...failures].join("\n"),
    json: oneOrAll(uids, done),
    bad: failures.length > 0,
  };
}
