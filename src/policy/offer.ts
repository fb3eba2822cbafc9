// What greeters are told of the ghost: a type.

/** Those that offer users to choose from; greetd's own list none. */
export const GREETERS = ["lightdm", "sddm", "gdm"] as const;
export type Greeter = (typeof GREETERS)[number];

export interface Offer {
  /** The login name; empty where the configuration has errors, and none is known. */
  readonly ghost: string;
  /** Those that are to offer it. */
  readonly by: readonly Greeter[];
}
