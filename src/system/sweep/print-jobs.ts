// The print jobs of an account in the spool of this machine's CUPS, those that are done as well: CUPS keeps what was printed for a day and
// its title for longer. By CUPS's own programs while it runs, as it has jobs in memory; by its files when it does not.
import { execFile } from "node:child_process";
import { readdir, readFile, unlink } from "node:fs/promises";
import { connect } from "node:net";
import { join } from "node:path";
import { promisify } from "node:util";
import type { Config } from "../../config/schema.ts";
import { meansGone } from "../read-file.ts";
import type { Item, SweptItems } from "./items.ts";
import { NOTHING, sweepItems } from "./items.ts";

/** Runs lpstat(1) and cancel(1), and gives what they print; tests have another one. */
export type RunCups = (program: string, args: readonly string[]) => Promise<string>;

const LPSTAT = "/usr/bin/lpstat";
const CANCEL = "/usr/bin/cancel";
const OPTIONS = { timeout: 8000, killSignal: "SIGKILL", env: {} } as const;
const runCups: RunCups = async (program, args) => (await promisify(execFile)(program, args, OPTIONS)).stdout;

/** Of each job what CUPS knows of it, and what is to be printed: "c00012", "d00012-001". */
const JOB_FILE = /^([cd])(\d{5,})/;
/** A connection that was refused, or that nobody could have taken. */
const NOT_SERVED = new Set(["ECONNREFUSED", "ENOENT", "ENOTSOCK"]);

/**
 * Takes away the print jobs of an account, or counts them.
 * @param root stands before each path
 * @throws Error when it cannot be looked at, or when CUPS does not answer
 */
export async function sweepPrintJobs(
  root: string,
  user: string,
  policy: Config["Sweep"]["PrintJobs"],
  run = runCups,
): Promise<SweptItems> {
  const [spool, socket] = [join(root, "/var/spool/cups"), join(root, "/run/cups/cups.sock")];
  // Where there is no job CUPS is not started for that.
  if ((await listFiles(spool)).length === 0) return NOTHING;
  const isServed = await canConnect(socket);
  const look = () => (isServed ? listJobs(socket, user, run) : listKept(spool, user));
  return policy === "keep" ? { ...NOTHING, found: (await look()).length } : sweepItems(look);
}

async function listFiles(spool: string): Promise<string[]> {
  try {
    return (await readdir(spool)).filter((name) => JOB_FILE.test(name));
  } catch (error) {
    if (meansGone(error)) return [];
    throw error;
  }
}

function canConnect(path: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const socket = connect(path, () => {
      socket.destroy();
      resolve(true);
    });
    socket.on("error", (error: NodeJS.ErrnoException) => {
      if (NOT_SERVED.has(error.code ?? "")) resolve(false);
      else reject(error);
    });
  });
}

async function listJobs(socket: string, user: string, run: RunCups): Promise<Item[]> {
  const text = await run(LPSTAT, ["-h", socket, "-W", "all", "-u", user]);
  // "PRINTER-NUMBER USER SIZE DATE"; no printer has a blank in its name.
  const jobs = [...text.matchAll(/^(\S+-\d+)\s/gm)].map(([, job = ""]) => job);
  return jobs.map((job) => ({
    sentence: `print job ${job} is still there`,
    // With its files.
    remove: async () => {
      await run(CANCEL, ["-h", socket, "-x", job]);
    },
  }));
}

async function listKept(spool: string, user: string): Promise<Item[]> {
  const names = await listFiles(spool);
  const items: Item[] = [];
  for (const name of names) {
    const [, kind, number = ""] = JOB_FILE.exec(name) ?? [];
    if (kind !== "c" || !(await readFile(join(spool, name))).includes(ownerOf(user))) continue;
    const files = names.filter((one) => JOB_FILE.exec(one)?.[2] === number);
    items.push({
      sentence: `print job ${Number(number)} is still there`,
      remove: async () => {
        await Promise.all(files.map((one) => unlink(join(spool, one))));
      },
    });
  }
  return items;
}

// An attribute as IPP writes it (RFC 8010): its name, and then its value behind its length.
function ownerOf(user: string): Buffer {
  const value = Buffer.from(user);
  return Buffer.from([...Buffer.from("job-originating-user-name"), value.length >> 8, value.length & 0xff, ...value]);
}
