// guestd on a test machine as administrators see it, and unexpected journal entries.
import type { Swept } from "../../src/policy/receipt.ts";
import type { Entry, Machine } from "./machine.ts";
import { waitFor, waitUntil } from "./wait.ts";

/** As guestd lists it. */
export interface GuestSession {
  readonly id: string;
  readonly user: string;
  readonly uid: number;
  readonly service: string;
  readonly leader: number;
  readonly state: string;
}

/** From the session's last journal entry. */
export interface GuestReceipt {
  readonly id: string;
  readonly user: string;
  readonly uid: number;
  readonly leased: boolean;
  readonly cause: string;
  readonly terms: string;
  readonly seconds: number;
  readonly tmpfsBytes: number;
  readonly processesKilled: number;
  readonly swept: readonly Swept[];
  readonly left: readonly string[];
}

type Asked = Pick<Machine, "sh">;
type Fields = Readonly<Record<string, { readonly data: unknown }>>;

/** A shell command. Append a method and its arguments. Prints JSON. */
export const ASK = "busctl --json=short call org.guestd1 /org/guestd1 org.guestd1.Manager";

/**
 * Faster than guestctl by ten times, for tests that poll.
 * @param call in busctl's syntax: "ListSessions", "ListReceipts b false"
 * @throws Error when guestd does not answer, or answers with an error
 */
export async function askGuestd(machine: Asked, call: string): Promise<unknown> {
  const { data } = JSON.parse(await machine.sh(`${ASK} ${call}`)) as { readonly data: readonly unknown[] };
  return data[0];
}

/** Drops busctl's types. */
const plain = (row: Fields) => Object.fromEntries(Object.entries(row).map(([name, { data }]) => [name, data]));

/** For a method that returns a{sv}. */
export async function askForRow<T>(machine: Asked, call: string): Promise<T> {
  return plain((await askGuestd(machine, call)) as Fields) as T;
}

/** For a method that returns aa{sv}. */
export async function askForRows<T>(machine: Asked, call: string): Promise<T[]> {
  return ((await askGuestd(machine, call)) as readonly Fields[]).map((row) => plain(row) as T);
}

export async function listSessions(machine: Asked): Promise<GuestSession[]> {
  return askForRows<GuestSession>(machine, "ListSessions");
}

export async function awaitReceipt(machine: Machine, id: string, limitMs = 30_000): Promise<GuestReceipt> {
  return waitFor(
    `the receipt of session ${id}`,
    async () => {
      const entries = await machine.journal(
        `GUEST_SESSION=${id}`,
        "GUEST_ACTION=announce-closed",
        "_SYSTEMD_UNIT=guestd.service",
      );
      const text = entries[0]?.["GUEST_RECEIPT"];
      return text === undefined ? undefined : (JSON.parse(text) as GuestReceipt);
    },
    limitMs,
  );
}

export async function awaitNoSessions(machine: Asked, limitMs = 30_000): Promise<void> {
  await waitUntil(
    "all guest sessions to end",
    () => listSessions(machine),
    (seen) => seen.length === 0,
    limitMs,
  );
}

/** Compares the whole command line. */
export async function findPids(machine: Machine, commandLine: string): Promise<number[]> {
  const { stdout } = await machine.run(["pgrep", "--full", "--exact", commandLine]);
  return stdout
    .split("\n")
    .filter((line) => line !== "")
    .map(Number);
}

/** awk: the first word is the ghost's UID, or one in the ranges of the tests and guestd. */
export const IS_GUEST = "$1 >= 60000 && $1 < 61184 || $1 >= 65536 && $1 < 98304";

/** Traces of guests without sessions: accounts, directories, units, processes and records. */
export function leftovers(machine: Machine): Promise<string> {
  return machine.sh(`ls -A /run/userdb /var/lib/systemd/linger 2>/dev/null | grep -v -e : -e '^$' || true
    ls -A /run/user | awk '${IS_GUEST}'
    systemctl list-units --plain --no-legend --state=active,failed 'user-[6-9]????.slice' 'user@[6-9]????.service' \
      'user-runtime-dir@[6-9]????.service' 'guest*.scope' 'guest*.slice'
    ps -eo uid=,args= | awk '${IS_GUEST} || /guest-reaper/ && !/awk/'
    find /run/guestd -type f`);
}

/** logind keeps a shared account, like any user's, for 10 s after the last session. */
export async function awaitNothingLeft(machine: Machine, limitMs = 30_000): Promise<void> {
  await waitUntil(
    "nothing to be left",
    () => leftovers(machine),
    (left) => left === "",
    limitMs,
  );
}

const WARNING = 4;

/** Warnings and worse of guestd and pam_guest, except for `expected`. */
export async function unexpectedLines(machine: Machine, ...expected: RegExp[]): Promise<string[]> {
  const isOurs = (entry: Entry) =>
    entry["_SYSTEMD_UNIT"] === "guestd.service" || (entry["MESSAGE"] ?? "").includes("pam_guest");
  const entries = await machine.journal();
  return entries
    .filter((entry) => isOurs(entry) && Number(entry["PRIORITY"] ?? 6) <= WARNING)
    .map((entry) => entry["MESSAGE"] ?? "")
    .filter((message) => !expected.some((pattern) => pattern.test(message)));
}
