// Finds sessions' processes by user or view, through guest-holders. kill.ts finds those in cgroups.
import { misunderstood, readLook, type LookOptions } from "./look-program.ts";

/** Either makes a process a member. */
export interface MemberCriteria {
  /**
   * It is in this mount namespace (inode), or has one of the tmpfs mounted in a namespace made there. Valid only while
   * the view is held: after that the kernel reuses both numbers.
   */
  readonly view: { readonly namespace: number; readonly devices: readonly string[] } | undefined;
  /** Of a leased account. */
  readonly uid?: number | undefined;
}

export interface Members {
  readonly pids: readonly number[];
  /** Could not be looked at. */
  readonly unseen: readonly number[];
  /** False if the time was too short. */
  readonly whole: boolean;
}

/** Returns why there may be more. */
export const doubtsOf = ({ unseen, whole }: Pick<Members, "unseen" | "whole">): string[] => [
  ...unseen.map((pid) => `process ${pid} could not be looked at`),
  ...(whole ? [] : ["not all processes could be looked at in time"]),
];

/** Never finds guestd. */
export type SearchMembers = (criteria: MemberCriteria) => Promise<Members>;

/**
 * Looks at all processes but guestd, once for many sessions.
 * @throws Error if guest-holders fails, or prints something unknown
 */
export async function searchAllMembers(
  sets: readonly MemberCriteria[],
  options?: LookOptions,
): Promise<readonly Members[]> {
  const asked = sets.map(({ view, uid }) => ({
    devices: view?.devices,
    uid,
    namespaces: view === undefined ? [] : [view.namespace],
  }));
  const { lines, ...rest } = await readLook("members", asked, options);
  const found = sets.map(() => ({ pids: [] as number[], ...rest }));
  for (const { pid, words } of lines) {
    for (const word of words) {
      const one = found[Number(/^(\d+):member$/.exec(word)?.[1])] ?? misunderstood();
      one.pids.push(pid);
    }
  }
  return found;
}

export async function searchMembers(criteria: MemberCriteria, options?: LookOptions): Promise<Members> {
  const [found] = await searchAllMembers([criteria], options);
  return found ?? misunderstood();
}
