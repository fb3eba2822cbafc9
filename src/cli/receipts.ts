// The verbs about receipts.
import type { Client } from "../bus/client.ts";
import type { Fields, Output } from "./command.ts";
import { askEach, oneOrAll } from "./command.ts";
import {
  formatBytes,
  formatDuration,
  formatFields,
  formatPlain,
  formatSpan,
  formatTable,
  formatTime,
} from "./format.ts";
import type { Options } from "./options.ts";

const TITLES = ["SESSION", "USER", "UID", "SERVICE", "ENDED", "CAUSE", "TOOK", "KILLED", "FREED", "CLEAN"];

type Swept = readonly [kind: string, found: number, removed: number, left: readonly string[]];

export async function receipts(
  _args: readonly string[],
  { failed }: Options,
  connect: () => Promise<Client>,
): Promise<Output> {
  // As JSON: the bus's own format of a thousand receipts takes half a second to write and read.
  const [found] = await (await connect()).call("DescribeReceipts", "b", [failed]);
  const kept = JSON.parse(String(found)) as Fields[];
  return {
    text: kept.length === 0 ? sayNone(failed) : `${showTable(kept)}\n\n${count(kept)}`,
    json: kept.map(nameClasses),
  };
}

const sayNone = (failed: boolean) => (failed ? "No receipt of a session that left something." : "No receipts.");

function showTable(kept: readonly Fields[]): string {
  const rows = kept.map((r) => [
    ...[r["id"], r["user"], r["uid"], r["service"]].map(String),
    formatTime(Number(r["closed"])),
    String(r["cause"]),
    formatSpan(Number(r["ending"])),
    String(r["killed"]),
    formatBytes(Number(r["freed"])),
    describeClean(r),
  ]);
  return formatTable(TITLES, rows);
}

function count(kept: readonly Fields[]): string {
  const dirty = kept.filter(isDirty).length;
  const all = kept.length === 1 ? "1 receipt" : `${kept.length} receipts`;
  return dirty === 0 ? `${all}.` : `${all}. ${dirty} ${dirty === 1 ? "names" : "name"} something left.`;
}

/** Something was left, and no later check has found it gone. */
export const isDirty = ({ clean, cleared }: Fields): boolean => clean !== true && Number(cleared ?? 0) === 0;

const textsOf = (value: unknown) => (value ?? []) as readonly string[];

function describeClean(receipt: Fields): string {
  if (receipt["clean"] !== true) return isDirty(receipt) ? "no" : "later";
  return textsOf(receipt["unseen"]).length > 0 ? "so far" : "yes";
}

const yesOrNo = (value: unknown) => (value === true ? "yes" : "no");

export async function receipt(
  ids: readonly string[],
  _options: Options,
  connect: () => Promise<Client>,
): Promise<Output> {
  const client = await connect();
  const { done, failures } = await askEach(
    ids,
    async (id) => (await client.call("GetReceipt", "s", [id]))[0] as Fields,
  );
  return {
    text: [...done.map(showWhole), ...failures].join("\n\n"),
    json: oneOrAll(ids, done.map(nameClasses)),
    bad: failures.length > 0 || done.some(isDirty),
  };
}

/** Names the fields of each class for --json. */
export function nameClasses(whole: Fields): Fields {
  const swept = (whole["swept"] as Swept[]).map(([kind, found, removed, left]) => ({ kind, found, removed, left }));
  return { ...whole, swept };
}

function showWhole(whole: Fields): string {
  const swept = whole["swept"] as Swept[];
  const left = whole["left"] as string[];
  const classes = swept.map(([kind, found, removed, stays]) => [kind, found, removed, stays.length].map(String));
  return [
    formatFields(listFields(whole)),
    ...(classes.length === 0 ? [] : [formatTable(["CLASS", "FOUND", "REMOVED", "LEFT"], classes)]),
    left.length === 0 ? "Nothing is left." : listUnder("Left:", left),
    ...listIfAny("Found later:", whole["found_later"]),
    ...listIfAny("Not looked through yet:", whole["unseen"]),
  ].join("\n\n");
}

const listUnder = (title: string, sentences: readonly string[]) =>
  [title, ...sentences.map((sentence) => `  ${formatPlain(sentence)}`)].join("\n");

function listIfAny(title: string, value: unknown): string[] {
  const sentences = textsOf(value);
  return sentences.length === 0 ? [] : [listUnder(title, sentences)];
}

function listFields({ swept: _swept, left: _left, unseen, found_later: _later, ...whole }: Fields): [string, string][] {
  const show: Readonly<Record<string, (value: unknown) => string>> = {
    leased: yesOrNo,
    clean: () => describeClean({ ...whole, unseen }),
    accepted: (value) => (Number(value) === 0 ? "" : formatTime(Number(value))),
    cleared: (value) => (Number(value) === 0 ? "" : formatTime(Number(value))),
    opened: (value) => formatTime(Number(value)),
    closed: (value) => formatTime(Number(value)),
    // It is unknown when the machine went down.
    seconds: (value) => (whole["cause"] === "lost-power" ? "unknown" : formatDuration(Number(value) * 1e6)),
    ending: (value) => formatSpan(Number(value)),
    freed: (value) => formatBytes(Number(value)),
  };
  const names: Readonly<Record<string, string>> = { seconds: "lasted", ending: "took" };
  return Object.entries(whole).map(([name, value]) => [names[name] ?? name, (show[name] ?? String)(value) || "-"]);
}
