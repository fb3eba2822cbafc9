// Gives back the memory of a view that has ended, even where a process still has a way into it; and says when it is not given back.
// And that of its IPC namespace: a segment in it keeps the keys of the process that made it, for as long as systemd keeps the namespace.
import { setTimeout as delay } from "node:timers/promises";
import type { Swept } from "../../policy/receipt.ts";
import type { Bindings } from "../bindings.ts";

/** The tmpfs of a view and the IPC namespace that are held; undefined when none is. */
export interface Memory {
  readonly view: number | undefined;
  readonly ipc: number | undefined;
  readonly tmpfs: readonly string[];
  readonly devices: readonly string[];
}

/** Of processor time: on a busy machine the tree of one guest would be too much otherwise, and the receipt not clean. */
const WIPE_LIMIT_MS = 5000;
/** What an empty file system may hold for itself. */
const SLACK_BYTES = 65_536;
/** The kernel closes files of processes that have ended a little later. */
const PAUSE_MS = 100;

/**
 * Empties the tmpfs of a view, and removes what is in its IPC namespace. Never rejects.
 * @returns `swept`, whose open files have one more sentence when some of the memory is not given back, or this cannot be told
 */
export async function wipeMemory(
  bindings: Pick<Bindings, "wipeView" | "emptyIpc">,
  { view, ipc, tmpfs, devices }: Memory,
  swept: readonly Swept[],
): Promise<readonly Swept[]> {
  const wipe = async () => (view === undefined ? 0 : bindings.wipeView(view, tmpfs, devices, WIPE_LIMIT_MS));
  const held = async () => {
    if (ipc !== undefined) await bindings.emptyIpc(ipc);
    const bytes = await wipe();
    if (bytes <= SLACK_BYTES) return bytes;
    await delay(PAUSE_MS);
    return wipe();
  };
  const sentence = await held().then(
    (bytes) => (bytes <= SLACK_BYTES ? undefined : `${bytes} bytes are still held by somebody`),
    (error: unknown) => `the memory could not be wiped: ${(error as Error).message}`,
  );
  if (sentence === undefined) return swept;
  return swept.map((one) =>
    one.kind === "open-files" ? { ...one, found: one.found + 1, left: [...one.left, sentence] } : one,
  );
}
