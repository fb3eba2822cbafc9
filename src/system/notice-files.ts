// Writes notices for guests' desktops (packaging/guest-notice), which cannot read the configuration.
import { chmodSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Config } from "../config/schema.ts";

/**
 * Writes a file for each notice and language, or none.
 * @param directory owned by root, readable by all
 */
export function writeNotice({ Notice }: Pick<Config, "Notice">, directory = "/run/guestd-notice"): void {
  mkdirSync(directory, { recursive: true });
  chmodSync(directory, 0o755);
  const files = [
    ...(Notice.Login ? filesOf("login", Notice.LoginText) : []),
    ...(Notice.Logout ? filesOf("logout", Notice.LogoutText) : []),
  ];
  for (const [name, text] of files) writeWhole(directory, name, text);
  const names = files.map(([name]) => name);
  for (const name of readdirSync(directory)) if (!names.includes(name)) rmSync(join(directory, name), { force: true });
}

const filesOf = (notice: string, texts: Readonly<Record<string, string>>) =>
  Object.entries(texts).map(([locale, text]) => [locale === "" ? notice : `${notice}.${locale}`, `${text}\n`] as const);

// A desktop may read the file meanwhile.
function writeWhole(directory: string, name: string, text: string): void {
  const unfinished = join(directory, `.${name}`);
  writeFileSync(unfinished, text);
  chmodSync(unfinished, 0o644);
  renameSync(unfinished, join(directory, name));
}
