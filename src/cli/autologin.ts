// The verb for automatic logins. It changes files in /etc itself, and asks guestd only whether such a login would
// succeed.
import type { Found } from "../autologin/autologin.ts";
import { Autologins } from "../autologin/autologin.ts";
import type { Client } from "../bus/client.ts";
import { ClientError } from "../bus/client.ts";
import { loadConfig, SYSTEM_PATHS } from "../config/load.ts";
import type { Fields, Output } from "./command.ts";
import { formatFields } from "./format.ts";
import type { Options } from "./options.ts";

const VERBS = ["enable", "disable", "status"];

export function findAutologinFault([verb = "", ...rest]: readonly string[]): string | undefined {
  return VERBS.includes(verb) && rest.length === 0 ? undefined : `takes one of ${VERBS.join(", ")}`;
}

/** Tests pass `autologins` and `isRoot`. */
export async function autologin(
  [verb]: readonly string[],
  options: Options,
  connect: () => Promise<Client>,
  autologins = new Autologins(),
  isRoot = process.getuid?.() === 0,
): Promise<Output> {
  if (!isRoot) throw new ClientError("AccessDenied", "not root");
  const { "display-manager": manager, session } = options;
  if (verb !== "enable" && (manager !== "" || session !== ""))
    throw new Error("--display-manager= and --session= are for autologin enable.");
  if (verb === "disable") return disable(autologins);
  if (verb === "status") return show(autologins, connect);
  return enable(autologins, options, connect);
}

async function enable(autologins: Autologins, options: Options, connect: () => Promise<Client>): Promise<Output> {
  const ghost = readGhost();
  if (ghost === undefined)
    throw new Error('The configuration of guestd has errors: "guestctl config check" shows them.');
  const { "display-manager": manager, session } = options;
  const { found, changed } = autologins.enable({ ghost, manager, session });
  const { name } = found.manager;
  const status = await look(found, connect);
  const read = `${name} reads this when it starts: "systemctl restart ${name}" ends its sessions, and starts it.`;
  const lines = [
    ...(changed.length === 0
      ? [`Automatic logins by ${name} were set up already.`]
      : [`Changed ${changed.join(", ")}.`, read]),
    describe(status),
  ];
  return { text: lines.join("\n"), json: { ...status, changed }, bad: isBad(status) };
}

function disable(autologins: Autologins): Output {
  const changed = autologins.disable();
  const text = changed.length === 0 ? "There were no automatic logins of guests." : `Took back ${changed.join(", ")}.`;
  return { text, json: { enabled: false, changed } };
}

async function show(autologins: Autologins, connect: () => Promise<Client>): Promise<Output> {
  const found = autologins.find(readGhost());
  if (found === undefined) return { text: "There are no automatic logins of guests.", json: { enabled: false } };
  const status = await look(found, connect);
  const fields: [string, string][] = [
    ["user", status.user],
    ["display manager", status.display_manager],
    ["session", status.session || "its default"],
    ["service", status.service],
  ];
  return { text: `${formatFields(fields)}\n${describe(status)}`, json: status, bad: isBad(status) };
}

interface Status {
  readonly enabled: true;
  readonly display_manager: string;
  readonly user: string;
  readonly session: string;
  readonly service: string;
  /** Sentences: why it would not work. */
  readonly faults: readonly string[];
}

const isBad = ({ faults }: Status): boolean => faults.length > 0;

const describe = ({ user, display_manager: name, faults }: Status): string =>
  faults.length === 0
    ? `${name} logs in ${user} when it starts, and again after each session.`
    : ["It does not work:", ...faults.map((sentence) => `  ${sentence}`)].join("\n");

/** Whether guestd would admit such a login. */
async function look({ manager, user, session, faults }: Found, connect: () => Promise<Client>): Promise<Status> {
  const { name, service } = manager;
  const [answer] = await (await connect()).call("ExplainLogin", "ss", [user, service]);
  const { verdict, leased, reason } = answer as Fields;
  const works = verdict === "admitted" && leased === true;
  return {
    enabled: true,
    display_manager: name,
    user,
    session,
    service,
    faults: works ? faults : [...faults, String(reason)],
  };
}

function readGhost(): string | undefined {
  const result = loadConfig(SYSTEM_PATHS);
  return result.ok ? result.config.Guests.Ghost : undefined;
}

/** For "status" and "explain". */
interface Mention {
  readonly fields: readonly (readonly [string, string])[];
  readonly json: { readonly autologin?: unknown };
}

/** Mentions automatic logins of one user, or of any. */
export function mentionAutologin(user?: string, autologins = new Autologins()): Mention {
  try {
    const found = autologins.find(readGhost());
    if (found === undefined || (user !== undefined && user !== found.user)) return { fields: [], json: {} };
    const { manager, faults, ...login } = found;
    const hint = faults.length === 0 ? "" : ', which does not work: see "guestctl autologin status"';
    return {
      fields: [["autologin", `${login.user} by ${manager.name}${hint}`]],
      json: { autologin: { display_manager: manager.name, ...login, faults } },
    };
  } catch (error) {
    return { fields: [["autologin", (error as Error).message]], json: {} };
  }
}
