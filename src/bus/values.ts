// Converts between D-Bus variants (a{sv}) and plain objects.
import dbus from "dbus-next";
import type { Variant } from "dbus-next";

export type VariantDict = Record<string, Variant>;

/** One field of an a{sv}, with its D-Bus signature. */
export const field = (signature: string, value: unknown): Variant => new dbus.Variant(signature, value);

/** Returns the plain object of an a{sv}; an empty one for anything else. */
export function unwrap(value: unknown): Record<string, unknown> {
  if (typeof value !== "object" || value === null) return {};
  const plain: Record<string, unknown> = Object.create(null) as Record<string, unknown>;
  for (const [name, variant] of Object.entries(value)) {
    plain[name] = variant instanceof dbus.Variant ? (variant as Variant<unknown>).value : undefined;
  }
  return plain;
}
