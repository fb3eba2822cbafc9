// Defaults that depend on the machine. Pure: what its kernel supports is an argument.
import type { Setting } from "./parse.ts";
import { ORIGIN } from "./parse.ts";

/**
 * Before Linux 6.4 a tmpfs cannot be kept out of swap. There, the swap limit of each guest keeps their files out.
 * @returns settings that apply unless a file sets them
 */
export const listMachineDefaults = ({ noswap }: { readonly noswap: boolean }): readonly Setting[] =>
  noswap ? [] : [{ section: "Limits", key: "MemorySwapMax", value: "0", origin: ORIGIN.kernel }];
