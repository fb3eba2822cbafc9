// Names processes that hold an ended session's memory. Searches /proc, whatever guestd believes; removes nothing.
import type { Swept } from "../../policy/receipt.ts";
import type { FileHolder, HolderCriteria, Holders, MountHolder, SearchHolders } from "./holder-search.ts";
import { unescapeOctal } from "./mountinfo.ts";
import { nameProcess } from "./process-name.ts";
import { boundSentences, quoteName } from "../sentences.ts";

/** Never rejects. */
export async function findHolders(
  search: SearchHolders,
  criteria: HolderCriteria,
  proc = "/proc",
): Promise<readonly Swept[]> {
  const isLost = criteria.devices === undefined && criteria.uid === undefined;
  const looking = search(criteria);
  return [
    await look(
      "mounts",
      looking,
      ({ mounts, unseen, whole }) => [...nameMounts(proc, mounts), ...nameUnseen(proc, { unseen, whole })],
      criteria.label === undefined ? "the session is unknown" : undefined,
    ),
    await look(
      "open-files",
      looking,
      ({ files, unread, ...rest }) => [
        ...nameFiles(proc, files),
        ...unread.map((pid) => `what ${nameProcess(proc, pid)} holds could not be read in time`),
        ...nameUnseen(proc, rest),
      ],
      isLost ? "the view is gone" : undefined,
    ),
  ];
}

/** @param obstacle why it can find nothing */
async function look(
  kind: Swept["kind"],
  looking: Promise<Holders>,
  name: (found: Holders) => readonly string[],
  obstacle: string | undefined,
): Promise<Swept> {
  try {
    const found = name(await looking);
    if (obstacle !== undefined) throw new Error(obstacle);
    return { kind, found: found.length, removed: 0, left: boundSentences(found) };
  } catch (error) {
    return { kind, found: 0, removed: 0, left: [`could not be looked at: ${(error as Error).message}`] };
  }
}

function nameMounts(proc: string, mounts: readonly MountHolder[]): string[] {
  return mounts.map(({ pid, path }) =>
    path === undefined
      ? `what ${nameProcess(proc, pid)} has mounted could not be read in time`
      : `${nameProcess(proc, pid)} has ${quoteName(Buffer.from(unescapeOctal(path), "latin1"))} mounted`,
  );
}

export function nameFiles(proc: string, files: readonly FileHolder[]): string[] {
  return files.map(
    ({ pid, how }) =>
      `${nameProcess(proc, pid)} holds ${how === "namespace" ? "a namespace" : "a file"} of it (${how})`,
  );
}

function nameUnseen(proc: string, { unseen, whole }: Pick<Holders, "unseen" | "whole">): string[] {
  return [
    ...unseen.map((pid) => `${nameProcess(proc, pid)} could not be looked at`),
    ...(whole ? [] : ["not all processes could be looked at in time"]),
  ];
}
