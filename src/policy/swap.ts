// Whether guests' files in memory can get to a disk by way of swap, and what an administrator is told where they can. Pure.

/** What a machine has to do with swap. */
export interface SwapFacts {
  /** The kernel can keep a tmpfs out of swap: from Linux 6.4 on. */
  readonly noswap: boolean;
  /** It can limit the swap space of a cgroup: MemorySwapMax= does something. */
  readonly limitable: boolean;
  /** Swap space is in use. */
  readonly active: boolean;
}

const WHERE = "Files of guests in memory can get into swap space: this kernel cannot keep a tmpfs out of it (6.4 can)";
const ENCRYPT = "encrypt the swap space, or do without it";

/**
 * @param swapMax as in the configuration: "0" for none at all
 * @returns what is so and what to do about it; undefined where they cannot
 */
export function findSwapFault(swapMax: string, { noswap, limitable, active }: SwapFacts): string | undefined {
  if (noswap || !active) return undefined;
  if (!limitable) return `${WHERE}, and MemorySwapMax= does nothing, as cgroups have no memory.swap.max; ${ENCRYPT}.`;
  if (swapMax === "0") return undefined;
  const value = swapMax === "" ? "empty" : swapMax;
  return `${WHERE}, and MemorySwapMax= in [Limits] is ${value}; set it to 0, or ${ENCRYPT}.`;
}
