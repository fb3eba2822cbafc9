// Frees an ended view's memory, even if a process can reach it. Also empties its IPC namespace, whose segments keep
// their creators' keys.
import { setTimeout as delay } from "node:timers/promises";
import type { Swept } from "../../policy/receipt.ts";
import type { Bindings } from "../bindings.ts";

/** Undefined if not held. */
export interface Memory {
  readonly view: number | undefined;
  readonly ipc: number | undefined;
  readonly tmpfs: readonly string[];
  readonly devices: readonly string[];
}

/** Processor time: a large tree takes long on a busy machine. */
const WIPE_LIMIT_MS = 5000;
/** An empty file system may hold so much. */
const SLACK_BYTES = 65_536;
/** The kernel closes files of ended processes with a delay. */
const PAUSE_MS = 100;

/**
 * Never rejects.
 * @returns `swept`, with a sentence if memory stays in use, or this is unknown
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
    (bytes) => (bytes <= SLACK_BYTES ? undefined : `${bytes} bytes are still in use`),
    (error: unknown) => `the memory could not be wiped: ${(error as Error).message}`,
  );
  if (sentence === undefined) return swept;
  return swept.map((one) =>
    one.kind === "open-files" ? { ...one, found: one.found + 1, left: [...one.left, sentence] } : one,
  );
}
