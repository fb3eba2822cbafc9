// The verbs of guestctl, one row each. usage.ts has the command line; main.ts prints and sets the exit code.
import type { Client } from "../bus/client.ts";
import { loadConfig, loadFiles, SYSTEM_PATHS } from "../config/load.ts";
import { formatConfigError } from "../config/parse.ts";
import { autologin, findAutologinFault, mentionAutologin } from "./autologin.ts";
import type { Command, Fields, Output } from "./command.ts";
import { askEach, oneOrAll } from "./command.ts";
import {
  formatBytes,
  formatDuration,
  formatFields,
  formatPlain,
  formatStep,
  formatTable,
  formatTime,
} from "./format.ts";
import { findLeaseFault, lease, leases } from "./leases.ts";
import type { Options } from "./options.ts";
import { isDirty, nameClasses, receipt, receipts } from "./receipts.ts";
import { describeGuests, describeSwitch, disable, enable, hasFault, hintAtSwitch, readChecked } from "./switch.ts";

export const COMMANDS: readonly Command[] = [
  { name: "list", args: "", help: "List guest sessions", run: list },
  { name: "show", args: "ID...", help: "Show a session in detail, with each step of its view", run: show },
  { name: "end", args: "ID...", help: "End a session and discard its home", run: end },
  {
    name: "receipts",
    args: "",
    help: "List the receipts of ended sessions",
    options: ["failed"],
    run: receipts,
  },
  { name: "receipt", args: "ID...", help: "Show what an ended session left, and what was removed", run: receipt },
  { name: "leases", args: "", help: "List leased and quarantined UIDs", options: ["all"], run: leases },
  {
    name: "lease",
    args: "release UID...",
    help: "Release a quarantined UID",
    findFault: findLeaseFault,
    run: lease,
  },
  { name: "status", args: "", help: "Show whether guests can log in, and if not, why", run: status },
  { name: "enable", args: "", help: "Allow guest logins", run: enable },
  {
    name: "disable",
    args: "",
    help: "Refuse new guest logins; open sessions continue",
    options: ["reason"],
    run: disable,
  },
  {
    name: "autologin",
    args: "enable|disable|status",
    help: "Have a display manager log guests in automatically",
    options: ["display-manager", "session"],
    findFault: findAutologinFault,
    run: autologin,
  },
  { name: "explain", args: "USER", help: "Show what a login of USER would get", options: ["service"], run: explain },
  {
    name: "config",
    args: "[check [FILE...]]",
    help: "Show the configuration, or check files",
    findFault: findConfigFault,
    run: config,
  },
  { name: "reload", args: "", help: "Reload the configuration", run: reload },
];

async function list(_args: readonly string[], _options: Options, connect: () => Promise<Client>): Promise<Output> {
  const [found] = await (await connect()).call("ListSessions");
  const sessions = found as Fields[];
  const rows = sessions.map((s) => [
    s["id"],
    s["user"],
    s["uid"],
    s["service"],
    s["rhost"] || s["tty"] || "-",
    s["leader"],
    since(s["opened"]),
    s["state"],
  ]);
  const table = formatTable(
    ["SESSION", "USER", "UID", "SERVICE", "FROM", "LEADER", "SINCE", "STATE"],
    rows.map((row) => row.map(String)),
  );
  const count = sessions.length === 1 ? "1 session." : `${sessions.length} sessions.`;
  return { text: sessions.length === 0 ? "No guest sessions." : `${table}\n\n${count}`, json: sessions };
}

const since = (microseconds: unknown) => formatDuration(Date.now() * 1000 - Number(microseconds));

async function show(ids: readonly string[], _options: Options, connect: () => Promise<Client>): Promise<Output> {
  const client = await connect();
  const { done, failures } = await askEach(ids, async (id) =>
    withPlan((await client.call("GetSession", "s", [id]))[0] as Fields),
  );
  return {
    text: [...done.map(showSession), ...failures].join("\n\n"),
    json: oneOrAll(ids, done),
    bad: failures.length > 0,
  };
}

function showSession(session: Fields): string {
  const { plan, opened, skipped, inode, ...rest } = session;
  const skippedTargets = (skipped as string[]).join(" ");
  const fields: [string, string][] = [
    ...Object.entries(rest).map(([name, value]): [string, string] => [name, String(value) || "-"]),
    ["opened", `${formatTime(Number(opened))}; ${since(opened)} ago`],
    ["view", `mnt:[${String(inode)}]${skippedTargets === "" ? "" : `, without ${skippedTargets}`}`],
  ];
  return `${formatFields(fields)}\n${showPlan(plan as Fields[])}`;
}

const showPlan = (plan: readonly Fields[]) => plan.map((step) => `  ${formatStep(step)}`).join("\n");

const withPlan = (fields: Fields): Fields => ({ ...fields, plan: JSON.parse(String(fields["plan"])) as unknown });

async function end(ids: readonly string[], _options: Options, connect: () => Promise<Client>): Promise<Output> {
  const client = await connect();
  const { done, failures } = await askEach(
    ids,
    async (id) => (await client.call("EndSession", "s", [id]))[0] as Fields,
  );
  return {
    text: [...done.map(showEnd), ...failures].join("\n"),
    json: oneOrAll(ids, done.map(nameClasses)),
    bad: failures.length > 0 || done.some(isDirty),
  };
}

function showEnd(ended: Fields): string {
  const left = ended["left"] as string[];
  const what = left.length === 0 ? "nothing is left" : `left: ${left.map(formatPlain).join("; ")}`;
  const freed = formatBytes(Number(ended["freed"]));
  return `Ended ${String(ended["id"])} of ${String(ended["user"])}: ${String(ended["killed"])} processes killed, ${freed} given back, ${what}.`;
}

async function status(_args: readonly string[], _options: Options, connect: () => Promise<Client>): Promise<Output> {
  const found = await readChecked(await connect());
  const errors = found["errors"] as string[];
  const mention = mentionAutologin();
  const fields = formatFields([
    ["guestd", String(found["version"])],
    ["guests", describeGuests(found)],
    ["switch", describeSwitch(found)],
    ["sessions", String(found["sessions"])],
    ...mention.fields,
  ]);
  const hint = 'mend them, then "guestctl reload"';
  const listed =
    errors.length === 0 ? [] : [`Errors of the configuration (${hint}):`, ...errors.map((line) => `  ${line}`)];
  const warned = showWarnings(found);
  return {
    text: [fields, ...hintAtSwitch(found), ...listed, ...warned].join("\n"),
    json: { ...found, ...mention.json },
    bad: errors.length > 0 || hasFault(found),
  };
}

function showWarnings({ warnings }: Fields): string[] {
  const sentences = (warnings as string[]).map((sentence) => `  ${formatPlain(sentence)}`);
  return sentences.length === 0 ? [] : ["To mind:", ...sentences];
}

async function explain(
  [user = ""]: readonly string[],
  { service }: Options,
  connect: () => Promise<Client>,
): Promise<Output> {
  const [answer] = await (await connect()).call("ExplainLogin", "ss", [user, service]);
  const explanation = withPlan(answer as Fields);
  const plan = explanation["plan"] as Fields[];
  const text = `${String(explanation["verdict"])}: ${String(explanation["reason"])}`;
  const mention = mentionAutologin(user);
  const logins = mention.fields.map(([name, value]) => `${name}: ${value}`);
  const lines = [text, ...(plan.length === 0 ? [] : [showPlan(plan)]), ...logins, ...showWarnings(explanation)];
  return { text: lines.join("\n"), json: { ...explanation, ...mention.json } };
}

function findConfigFault([verb]: readonly string[]): string | undefined {
  return verb === undefined || verb === "check" ? undefined : "takes nothing, or check [FILE...]";
}

async function config(args: readonly string[], _options: Options, connect: () => Promise<Client>): Promise<Output> {
  const [verb, ...files] = args;
  if (verb === "check") return checkConfig(files);
  const [rows] = await (await connect()).call("GetConfig");
  const settings = (rows as string[][]).map(([section = "", key = "", value = "", origin = ""]) => ({
    section,
    key,
    value,
    origin,
  }));
  const sections = [...new Set(settings.map(({ section }) => section))];
  const text = sections.map((section) => {
    const keys = settings.filter((setting) => setting.section === section);
    return [`[${section}]`, ...keys.map(({ key, value, origin }) => `# ${origin}\n${key}=${value}`)].join("\n");
  });
  const broken = 'No configuration is in force: it has errors. "guestctl config check" shows them.';
  return { text: settings.length === 0 ? broken : text.join("\n\n"), json: settings, bad: settings.length === 0 };
}

function checkConfig(files: readonly string[]): Output {
  const result = files.length === 0 ? loadConfig(SYSTEM_PATHS) : loadFiles(files, 0, true);
  if (result.ok) return { text: "The configuration is in order.", json: { ok: true, errors: [] } };
  return {
    text: result.errors.map(formatConfigError).join("\n"),
    json: { ok: false, errors: result.errors },
    bad: true,
  };
}

async function reload(_args: readonly string[], _options: Options, connect: () => Promise<Client>): Promise<Output> {
  await (await connect()).call("Reload");
  return { text: "The configuration was read again.", json: { ok: true } };
}
