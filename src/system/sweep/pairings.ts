// Removes Bluetooth devices paired during a session. BlueZ does not say who paired them.
import { readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { meansGone } from "../read-file.ts";
import type { Item, SweptItems } from "./items.ts";
import { sweepItems } from "./items.ts";

/** A directory for each adapter, and below it for each paired device. */
const DIRECTORY = "/var/lib/bluetooth";
const ADDRESS = /^([0-9A-F]{2}:){5}[0-9A-F]{2}$/;

export type ForgetPairing = (pairing: { readonly adapter: string; readonly device: string }) => Promise<void>;

/**
 * @param since in milliseconds since the epoch: older pairings stay
 * @param forget makes a running BlueZ forget a pairing
 * @throws Error if the pairings cannot be looked at
 */
export function sweepPairings(root: string, since: number, forget: ForgetPairing): Promise<SweptItems> {
  const top = join(root, DIRECTORY);
  return sweepItems(async () => {
    const items: Item[] = [];
    for (const adapter of await listAddresses(top))
      for (const device of await listAddresses(join(top, adapter))) {
        const path = join(top, adapter, device);
        const remove = async () => {
          await forget({ adapter, device });
          await rm(path, { recursive: true, force: true });
        };
        if ((await readBirth(path)) >= since) items.push({ sentence: `${path} is still there`, remove });
      }
    return items;
  });
}

async function listAddresses(directory: string): Promise<readonly string[]> {
  const names = await readdir(directory).catch(whereGone<string[]>([]));
  return names.filter((name) => ADDRESS.test(name));
}

/** BlueZ changes the directory at each connection. */
async function readBirth(path: string): Promise<number> {
  const birth = await stat(path).then(({ birthtimeMs }) => birthtimeMs, whereGone(-1));
  if (birth === 0) throw new Error(`the file system does not say when ${path} was made`);
  return birth;
}

const whereGone =
  <T>(instead: T) =>
  (error: unknown): T => {
    if (meansGone(error)) return instead;
    throw error;
  };
