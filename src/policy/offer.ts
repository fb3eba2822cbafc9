// What greeters are told about the ghost: a type.

/** Greeters that offer a list of users. Those of greetd have none. */
export const GREETERS = ["lightdm", "sddm", "gdm"] as const;
export type Greeter = (typeof GREETERS)[number];

export interface Offer {
  /** The login name; empty if the configuration has errors, so none is known. */
  readonly ghost: string;
  /** The greeters that should offer it. */
  readonly by: readonly Greeter[];
}
