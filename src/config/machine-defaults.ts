// Defaults that depend on the machine. Pure.
import type { Setting } from "./parse.ts";
import { ORIGIN } from "./parse.ts";

/** Before Linux 6.4 a tmpfs cannot be kept out of swap. The swap limit of each guest does it instead. */
export const listMachineDefaults = ({ noswap }: { readonly noswap: boolean }): readonly Setting[] =>
  noswap ? [] : [{ section: "Limits", key: "MemorySwapMax", value: "0", origin: ORIGIN.kernel }];
