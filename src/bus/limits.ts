// A guest's limits as unit properties (systemd.resource-control(5), org.freedesktop.systemd1(5)).
import type { Variant } from "dbus-next";
import type { Limits } from "../config/schema.ts";
import { field } from "./values.ts";

export type Property = readonly [name: string, value: Variant];

const WHOLE_SCALE = 2 ** 32 - 1;
const NO_LIMIT = 2n ** 64n - 1n;
const FACTORS: Readonly<Record<string, bigint>> = { k: 2n ** 10n, m: 2n ** 20n, g: 2n ** 30n };
/** CPUQuota=1% in microseconds per second. */
const PERCENT_OF_SECOND_USEC = 10_000n;

/** Unset limits keep systemd's defaults, except tasks, which become unlimited. */
export function limitProperties(limits: Limits): Property[] {
  return [
    ...memory("MemoryMax", limits.MemoryMax),
    ...memory("MemorySwapMax", limits.MemorySwapMax),
    ["TasksMax", field("t", limits.TasksMax === 0 ? NO_LIMIT : BigInt(limits.TasksMax))],
    ...number("CPUWeight", limits.CPUWeight),
    ...number("IOWeight", limits.IOWeight),
    ...number("CPUQuotaPerSecUSec", limits.CPUQuota, PERCENT_OF_SECOND_USEC),
  ];
}

function memory(name: string, text: string): Property[] {
  if (text === "") return [];
  const [, digits = "0", unit = ""] = /^(\d+)(.?)$/.exec(text) ?? [];
  if (unit === "%") return [[`${name}Scale`, field("u", Math.floor((Number(digits) * WHOLE_SCALE) / 100))]];
  return [[name, field("t", BigInt(digits) * (FACTORS[unit] ?? 1n))]];
}

const number = (name: string, value: number, factor = 1n): Property[] =>
  value === 0 ? [] : [[name, field("t", BigInt(value) * factor)]];
