// Whether guests' files in memory can get into swap. Pure.

export interface SwapFacts {
  /** The kernel can keep a tmpfs out of swap (Linux 6.4). */
  readonly noswap: boolean;
  /** Cgroups can limit swap, so MemorySwapMax= works. */
  readonly limitable: boolean;
  /** Swap space is in use. */
  readonly active: boolean;
}

const WHERE = "Files of guests in memory can get into swap space: this kernel cannot keep a tmpfs out of it (6.4 can)";
const ENCRYPT = "encrypt the swap space, or do without it";

/**
 * Returns what can happen, and what to do.
 * @param swapMax as in the configuration: "0" for no swap
 */
export function findSwapFault(swapMax: string, { noswap, limitable, active }: SwapFacts): string | undefined {
  if (noswap || !active) return undefined;
  if (!limitable) return `${WHERE}, and MemorySwapMax= does nothing, as cgroups have no memory.swap.max; ${ENCRYPT}.`;
  if (swapMax === "0") return undefined;
  const value = swapMax === "" ? "empty" : swapMax;
  return `${WHERE}, and MemorySwapMax= in [Limits] is ${value}; set it to 0, or ${ENCRYPT}.`;
}
