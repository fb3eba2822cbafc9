// Reads what the machine has to do with swap: whether there is any, and whether cgroups can limit it.
import { existsSync } from "node:fs";
import type { SwapFacts } from "../policy/swap.ts";
import { readIfThere } from "./read-file.ts";

/**
 * @param noswap as the addon has found it
 * @param limit a file that cgroups with the memory controller have, unless swap is not accounted for (swapaccount=0)
 */
export function readSwapFacts(
  noswap: boolean,
  swaps = "/proc/swaps",
  limit = "/sys/fs/cgroup/system.slice/memory.swap.max",
): SwapFacts {
  // One line of headings, then one for each device and file. A kernel without swap has no such file.
  const lines = (readIfThere(swaps) ?? "").split("\n").filter((line) => line !== "");
  return { noswap, limitable: existsSync(limit), active: lines.length > 1 };
}
