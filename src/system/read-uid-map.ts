// Which UIDs exist in guestd's user namespace (user_namespaces(7)).
import type { UidMap } from "../policy/uid-map.ts";
import { EVERY_UID } from "../policy/uid-map.ts";
import { readIfThere } from "./read-file.ts";

/** A kernel without user namespaces has no such file, and every UID. */
export function readUidMap(file = "/proc/self/uid_map"): UidMap {
  const text = readIfThere(file);
  if (text === undefined) return EVERY_UID;
  return text
    .split("\n")
    .map((line) => line.trim().split(/ +/).map(Number))
    .flatMap(([first = NaN, , count = NaN]) => (count > 0 ? [{ first, last: first + count - 1 }] : []));
}
