// Whether the machine has swap that cgroups can limit.
import { existsSync } from "node:fs";
import type { SwapFacts } from "../policy/swap.ts";
import { readIfThere } from "./read-file.ts";

/**
 * @param noswap from the addon
 * @param limit a file of cgroups with the memory controller, unless swapaccount=0
 */
export function readSwapFacts(
  noswap: boolean,
  swaps = "/proc/swaps",
  limit = "/sys/fs/cgroup/system.slice/memory.swap.max",
): SwapFacts {
  // A heading, then a line for each device or file. A kernel without swap has no such file.
  const lines = (readIfThere(swaps) ?? "").split("\n").filter((line) => line !== "");
  return { noswap, limitable: existsSync(limit), active: lines.length > 1 };
}
