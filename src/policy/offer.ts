// What greeters are told about the ghost: a type.

import type { DisplayManagerName } from "./display-managers.ts";

export interface Offer {
  /** The login name; empty if the configuration has errors, so none is known. */
  readonly ghost: string;
  /** The display managers whose greeters should offer it. */
  readonly by: readonly DisplayManagerName[];
}
