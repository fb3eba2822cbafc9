// Finds processes that belong to sessions by their user or view, through guest-holders. kill.ts finds those in cgroups.
import { misunderstood, readLook, type LookOptions } from "./look-program.ts";

/** Either makes a process a member. */
export interface MemberCriteria {
  /**
   * It is in this mount namespace (inode), or has one of these tmpfs mounted in a namespace that it made in the view.
   * Valid only while the view's descriptor is open: after that the kernel reuses both numbers at once.
   */
  readonly view: { readonly namespace: number; readonly devices: readonly string[] } | undefined;
  /** Of a leased account. */
  readonly uid?: number | undefined;
}

export interface Members {
  readonly pids: readonly number[];
  /** Processes that could not be looked at. */
  readonly unseen: readonly number[];
  /** False if there was not enough time for all processes. */
  readonly whole: boolean;
}

/** Why there may be more, a sentence each. */
export const doubtsOf = ({ unseen, whole }: Pick<Members, "unseen" | "whole">): string[] => [
  ...unseen.map((pid) => `process ${pid} could not be looked at`),
  ...(whole ? [] : ["not all processes could be looked at in time"]),
];

/** Never finds guestd itself. */
export type SearchMembers = (criteria: MemberCriteria) => Promise<Members>;

/**
 * Looks at all processes but guestd itself, once for many sessions.
 * @throws Error if guest-holders cannot be started, fails, or prints something unknown
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

/** For a single session. */
export async function searchMembers(criteria: MemberCriteria, options?: LookOptions): Promise<Members> {
  const [found] = await searchAllMembers([criteria], options);
  return found ?? misunderstood();
}
