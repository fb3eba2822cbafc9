// Makes and undoes the changes to files; each can be interrupted and repeated. Must not follow symbolic links, nor
// write where others than root can.
import { execFileSync } from "node:child_process";
import {
  closeSync,
  existsSync,
  fchmodSync,
  fchownSync,
  fsyncSync,
  linkSync,
  lstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeSync,
} from "node:fs";
import { dirname } from "node:path";
import type { Change, Edit } from "./changes.ts";
import { asideOf, MARK, withEdit, withoutEdit } from "./changes.ts";

const DIVERT = "/usr/bin/dpkg-divert";

/** Runs dpkg-divert(1). @throws Error if it fails, or is not there */
export type Divert = (args: readonly string[]) => void;

const runDivert: Divert = (args) => {
  try {
    execFileSync(DIVERT, ["--quiet", "--local", "--no-rename", ...args], { encoding: "utf8", stdio: "pipe" });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    throw new Error("dpkg-divert is not there, and files of packages stay as they are on such a machine", {
      cause: error,
    });
  }
};

export class Files {
  readonly #root: string;
  readonly #owner: number;
  readonly #divert: Divert;

  /** @param root prefix of each path @param owner uid that must own the files */
  constructor(root = "", owner = 0, divert = runDivert) {
    this.#root = root;
    this.#owner = owner;
    this.#divert = divert;
  }

  exists(path: string): boolean {
    return existsSync(this.#root + path);
  }

  /** Only if root alone can write it; undefined if there is none. @throws Error with a sentence */
  read(path: string): string | undefined {
    const stat = lstatSync(this.#root + path, { throwIfNoEntry: false });
    if (stat === undefined) return undefined;
    if (!stat.isFile()) throw new Error(`${path} is not a regular file, and is not changed`);
    if (stat.uid !== this.#owner || (stat.mode & 0o022) !== 0)
      throw new Error(`${path} can be written by others than root, and is not changed`);
    return readFileSync(this.#root + path, "utf8");
  }

  has(change: Change): boolean {
    const text = this.read(change.path);
    switch (change.kind) {
      case "own":
        return text === change.text;
      case "stand-in":
        return text === change.text && this.exists(asideOf(change.path));
      case "lines":
      case "prefix":
        return text !== undefined && withEdit(change, text) === text;
    }
  }

  /** @returns whether there was anything to do @throws Error with a sentence */
  make(change: Change): boolean {
    if (this.has(change)) return false;
    switch (change.kind) {
      case "own":
        this.#replace(change.path, change.text);
        return true;
      case "stand-in":
        this.#standIn(change);
        return true;
      case "lines":
      case "prefix":
        this.#edit(change);
        return true;
    }
  }

  /** @returns whether there was anything to undo */
  undo(change: Change): boolean {
    const { kind, path } = change;
    const text = this.read(path);
    switch (kind) {
      case "own":
        rmSync(this.#root + path, { force: true });
        return text !== undefined;
      case "stand-in":
        return this.#restore(path, text);
      case "lines":
      case "prefix": {
        const before = text === undefined ? undefined : withoutEdit(change, text);
        if (before === undefined || before === text) return false;
        this.#replace(path, before);
        return true;
      }
    }
  }

  #edit(change: Edit): void {
    const { path } = change;
    const text = this.read(path);
    if (text === undefined) throw new Error(`${path} is not there`);
    const edited = withEdit(change, text);
    if (edited === undefined) throw new Error(`${path} has no line command = "..." in [default_session]`);
    this.#replace(path, edited);
  }

  // The path always has a file: the package's gets its second name before guestd's replaces it.
  #standIn({ path, text }: Change): void {
    const aside = asideOf(path);
    const before = this.read(path);
    this.#divert(["--divert", aside, "--add", path]);
    if (before !== undefined && !before.includes(MARK)) {
      rmSync(this.#root + aside, { force: true });
      linkSync(this.#root + path, this.#root + aside);
    }
    this.#replace(path, text);
  }

  #restore(path: string, text: string | undefined): boolean {
    const aside = asideOf(path);
    const isOurs = text?.includes(MARK) === true;
    if (this.exists(aside)) {
      if (text !== undefined && !isOurs && this.read(aside) !== text)
        throw new Error(
          `${path} has been written again, and is not removed; move ${aside} over it, or remove ${aside}`,
        );
      renameSync(this.#root + aside, this.#root + path);
      // rename(2) does nothing if both names are the same file.
      rmSync(this.#root + aside, { force: true });
    } else if (isOurs) rmSync(this.#root + path);
    else return false;
    this.#divert(["--remove", path]);
    return true;
  }

  /** Keeps owner and mode. */
  #replace(path: string, text: string): void {
    const file = this.#root + path;
    const written = `${file}.guestd-new`;
    mkdirSync(dirname(file), { recursive: true, mode: 0o755 });
    const stat = lstatSync(file, { throwIfNoEntry: false });
    rmSync(written, { force: true });
    const fd = openSync(written, "wx", 0o644);
    try {
      writeSync(fd, text);
      fchmodSync(fd, stat === undefined ? 0o644 : stat.mode & 0o777);
      if (stat !== undefined) fchownSync(fd, stat.uid, stat.gid);
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
    renameSync(written, file);
  }
}
