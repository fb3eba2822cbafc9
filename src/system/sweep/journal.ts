// Archives or removes an account's journal, which the next guest with that UID could read. Archives have journald's
// names, so journalctl shows them and its limits count them. They are copies, because journald gives the UID access to
// an original whenever it opens it.
import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import type { FileHandle } from "node:fs/promises";
import { constants, lstat, open, readdir, rename, rm, unlink } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import type { Config } from "../../config/schema.ts";
import { meansGone } from "../read-file.ts";
import type { Item, SweptItems } from "./items.ts";
import { sweepItems } from "./items.ts";

export type RunProgram = (program: string, args: readonly string[]) => Promise<unknown>;

const JOURNALCTL = "/usr/bin/journalctl";
/** Of util-linux. */
const FALLOCATE = "/usr/bin/fallocate";
const OPTIONS = { timeout: 5000, killSignal: "SIGKILL", env: {} } as const;
const runProgram: RunProgram = (program, args) => promisify(execFile)(program, args, OPTIONS);

/** They have a directory for each machine id. */
const DIRECTORIES = ["/var/log/journal", "/run/log/journal"];

/** journald keeps 100 files by default. Guests' must not push out the machine's. */
const MOST_ARCHIVED = 50;

/** Unlike journald's files, guestd's are not writable by their owner. */
const ARCHIVED_MODE = 0o440;
const OWNER_WRITES = 0o200;

/** Size of a header (systemd: JOURNAL_FILE_FORMAT), up to the time of its first entry. */
const HEADER_BYTES = 192;
const STATE_OFFSET = 16;
const STATE_ARCHIVED = 2;
const BLOCK_BYTES = 4096;
const CHUNK_BYTES = 16 * BLOCK_BYTES;

/** @throws Error if the journal cannot be looked at, or journald does not answer */
export async function sweepJournal(
  root: string,
  uid: number,
  policy: Config["Sweep"]["Journal"],
  run = runProgram,
): Promise<SweptItems> {
  const paths = (await Promise.all(DIRECTORIES.map((path) => listBelow(join(root, path))))).flat();
  const directories = paths.filter((path) => /\/[0-9a-f]{32}$/.test(path));
  // Recent entries may not be written yet.
  if (directories.length > 0) await syncJournal(run);
  const look = async () => (await Promise.all(directories.map((one) => listJournals(one, uid, policy, run)))).flat();
  const swept = await sweepItems(look);
  await Promise.all(directories.map(dropOldest));
  return swept;
}

async function syncJournal(run: RunProgram): Promise<void> {
  try {
    await run(JOURNALCTL, ["--sync"]);
  } catch (error) {
    throw new Error('journald does not answer "journalctl --sync"', { cause: error });
  }
}

async function listBelow(directory: string): Promise<string[]> {
  try {
    return (await readdir(directory)).map((name) => join(directory, name));
  } catch (error) {
    if (meansGone(error)) return [];
    throw error;
  }
}

async function listJournals(
  directory: string,
  uid: number,
  policy: Config["Sweep"]["Journal"],
  run: RunProgram,
): Promise<Item[]> {
  // In use, archived, or set aside by journald as broken.
  const own = new RegExp(`/user-${uid}(\\.journal|@[^/]*\\.journal)~?$`);
  const items: Item[] = [];
  for (const path of (await listBelow(directory)).filter((one) => own.test(one))) {
    const found = await lstat(path).catch(() => undefined);
    if (found === undefined || (policy === "keep" && (found.mode & OWNER_WRITES) === 0)) continue;
    const remove = () => (policy === "keep" ? archive(directory, path, uid, run) : drop(path, found.size, run));
    items.push({ sentence: `${path} is still there`, remove });
  }
  return items;
}

async function archive(directory: string, path: string, uid: number, run: RunProgram): Promise<void> {
  const temporary = join(directory, `.guestd-user-${uid}.new`);
  await rm(temporary, { force: true });
  // Safe: root owns the directory and everything in it.
  const from = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW);
  try {
    const header = Buffer.alloc(HEADER_BYTES);
    await from.read(header, 0, HEADER_BYTES, 0);
    const { size } = await from.stat();
    await copyArchived(from, temporary, size, isJournal(header));
    const target = path.includes("@") ? path : join(directory, archivedName(uid, header));
    await rename(temporary, target);
    if (target !== path) await drop(path, size, run);
  } finally {
    await from.close();
  }
}

const isJournal = (header: Buffer): boolean => header.toString("latin1", 0, 8) === "LPKSHHRH";

/** Returns the name that journald gives archived, or broken, files. */
function archivedName(uid: number, header: Buffer): string {
  const hex = (number: bigint) => number.toString(16).padStart(16, "0");
  if (!isJournal(header))
    return `user-${uid}@${hex(BigInt(Date.now()) * 1000n)}-${randomBytes(8).toString("hex")}.journal~`;
  const [sequence, first, time] = [
    header.toString("hex", 72, 88),
    header.readBigUInt64LE(168),
    header.readBigUInt64LE(184),
  ];
  return `user-${uid}@${sequence}-${hex(first)}-${hex(time)}.journal`;
}

// The directory's ACL decides who may read new files.
async function copyArchived(from: FileHandle, path: string, size: number, isWhole: boolean): Promise<void> {
  const to = await open(path, constants.O_RDWR | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW, 0o600);
  try {
    const chunk = Buffer.alloc(CHUNK_BYTES);
    for (let offset = 0; offset < size; offset += CHUNK_BYTES) {
      const { bytesRead } = await from.read(chunk, 0, CHUNK_BYTES, offset);
      for (let at = 0; at < bytesRead; at += BLOCK_BYTES) {
        const block = chunk.subarray(at, Math.min(at + BLOCK_BYTES, bytesRead));
        if (block.some((byte) => byte !== 0)) await to.write(block, 0, block.length, offset + at);
      }
    }
    await to.truncate(size);
    if (isWhole) await to.write(Buffer.of(STATE_ARCHIVED), 0, 1, STATE_OFFSET);
    await to.chmod(ARCHIVED_MODE);
    await to.sync();
  } finally {
    await to.close();
  }
}

// journald may keep the file open until its next rotation, and its space in use. It needs the header.
async function drop(path: string, size: number, run: RunProgram): Promise<void> {
  const length = size - BLOCK_BYTES;
  if (length > 0) await run(FALLOCATE, ["--punch-hole", `--offset=${BLOCK_BYTES}`, `--length=${length}`, path]);
  await unlink(path);
}

async function dropOldest(directory: string): Promise<void> {
  const archived = await Promise.all(
    (await listBelow(directory))
      .filter((path) => /\/user-\d+@[^/]*\.journal~?$/.test(path))
      .map(async (path) => ({ path, found: await lstat(path).catch(() => undefined) })),
  );
  const own = archived.flatMap(({ path, found }) =>
    found !== undefined && (found.mode & OWNER_WRITES) === 0 ? [{ path, time: found.mtimeMs }] : [],
  );
  for (const { path } of own.sort((a, b) => b.time - a.time).slice(MOST_ARCHIVED)) await rm(path, { force: true });
}
