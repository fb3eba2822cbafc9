// Writes root's small files atomically.
import { mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { mkdir, open, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";

export const UNFINISHED = ".new";

/** Also creates its directories. */
export function replaceFile(file: string, text: string): void {
  const written = `${file}${UNFINISHED}`;
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  try {
    writeFileSync(written, text, { mode: 0o600 });
    renameSync(written, file);
  } catch (error) {
    rmSync(written, { force: true });
    throw error;
  }
}

/** Resolves when the file survives a power cut. */
export async function replaceDurably(file: string, text: string): Promise<void> {
  const written = `${file}${UNFINISHED}`;
  await mkdir(dirname(file), { recursive: true, mode: 0o700 });
  try {
    await writeDurably(written, text);
    await rename(written, file);
  } catch (error) {
    await rm(written, { force: true });
    throw error;
  }
  await syncDirectory(dirname(file));
}

async function writeDurably(file: string, text: string): Promise<void> {
  const written = await open(file, "w", 0o600);
  try {
    await written.writeFile(text);
    await written.sync();
  } finally {
    await written.close();
  }
}

async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, "r");
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

/** Empty if the directory does not exist. */
export function listNames(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
}
