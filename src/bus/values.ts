// Converts between a{sv} and plain objects.
import dbus from "dbus-next";
import type { Variant } from "dbus-next";

export type VariantDict = Record<string, Variant>;

/** @param signature in D-Bus notation */
export const field = (signature: string, value: unknown): Variant => new dbus.Variant(signature, value);

/** Empty for anything but an a{sv}. */
export function unwrap(value: unknown): Record<string, unknown> {
  if (typeof value !== "object" || value === null) return {};
  const plain: Record<string, unknown> = Object.create(null) as Record<string, unknown>;
  for (const [name, variant] of Object.entries(value)) {
    plain[name] = variant instanceof dbus.Variant ? (variant as Variant<unknown>).value : undefined;
  }
  return plain;
}

/** At every depth, a{sv} as objects and 64-bit numbers as numbers. */
export function toPlain(value: unknown): unknown {
  if (value instanceof dbus.Variant) return toPlain((value as Variant<unknown>).value);
  if (typeof value === "bigint") return Number(value);
  if (Array.isArray(value)) return value.map(toPlain);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, toPlain(inner)]));
}
