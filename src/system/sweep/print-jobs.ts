// Print jobs in this machine's CUPS, which keeps documents for a day. A running CUPS has jobs in memory, so its
// programs remove them.
import { execFile } from "node:child_process";
import { readdir, readFile, unlink } from "node:fs/promises";
import { connect } from "node:net";
import { join } from "node:path";
import { promisify } from "node:util";
import type { Config } from "../../config/schema.ts";
import { meansGone } from "../read-file.ts";
import type { Item, SweptItems } from "./items.ts";
import { NOTHING, sweepItems } from "./items.ts";

/** Runs lpstat(1) or cancel(1), and returns the output. */
export type RunCups = (program: string, args: readonly string[]) => Promise<string>;

const LPSTAT = "/usr/bin/lpstat";
const CANCEL = "/usr/bin/cancel";
const OPTIONS = { timeout: 8000, killSignal: "SIGKILL", env: {} } as const;
const runCups: RunCups = async (program, args) => (await promisify(execFile)(program, args, OPTIONS)).stdout;

/** A job's control file "c00012", or documents "d00012-001". */
const JOB_FILE = /^([cd])(\d{5,})/;
/** The connection was refused, or no process could accept it. */
const NOT_SERVED = new Set(["ECONNREFUSED", "ENOENT", "ENOTSOCK"]);

/**
 * Removes or counts an account's jobs.
 * @throws Error if they cannot be looked at, or CUPS does not answer
 */
export async function sweepPrintJobs(
  root: string,
  user: string,
  policy: Config["Sweep"]["PrintJobs"],
  run = runCups,
): Promise<SweptItems> {
  const [spool, socket] = [join(root, "/var/spool/cups"), join(root, "/run/cups/cups.sock")];
  // Without jobs CUPS must not be started.
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
  // "PRINTER-NUMBER USER SIZE DATE", without blanks in names.
  const jobs = [...text.matchAll(/^(\S+-\d+)\s/gm)].map(([, job = ""]) => job);
  return jobs.map((job) => ({
    sentence: `print job ${job} is still there`,
    // Removes its files as well.
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

// An attribute of IPP (RFC 8010): name, length of the value, value.
function ownerOf(user: string): Buffer {
  const value = Buffer.from(user);
  return Buffer.from([...Buffer.from("job-originating-user-name"), value.length >> 8, value.length & 0xff, ...value]);
}
