// What greeters are told about the ghost: a type.

import type { DisplayManagerName } from "./display-managers.ts";

export interface Offer {
  /** Empty if the configuration has errors. */
  readonly ghost: string;
  readonly by: readonly DisplayManagerName[];
}
