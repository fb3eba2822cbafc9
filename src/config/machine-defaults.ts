// Defaults that depend on the machine. Pure: what its kernel can do is an argument.
import type { Setting } from "./parse.ts";
import { ORIGIN } from "./parse.ts";

/**
 * Where a tmpfs cannot be kept out of swap, before Linux 6.4, the limit of each guest keeps their files out of it.
 * @returns settings that hold unless a file sets them
 */
export const listMachineDefaults = ({ noswap }: { readonly noswap: boolean }): readonly Setting[] =>
  noswap ? [] : [{ section: "Limits", key: "MemorySwapMax", value: "0", origin: ORIGIN.kernel }];
