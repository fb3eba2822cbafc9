// Continues the walk of all directories for some time, and removes what it finds.
import type { PathsSubject } from "../subject.ts";
import { countOf } from "../words.ts";
import type { Row } from "./row.ts";

interface Args {
  readonly uids: readonly number[];
  /** Otherwise it continues where it stopped. */
  readonly begins: boolean;
}

export interface SweptOwner {
  readonly uid: number;
  readonly found: number;
  readonly removed: number;
  readonly left: readonly string[];
}

interface Found {
  readonly done: boolean;
  /** Names looked at so far. */
  readonly names: number;
  /** UIDs with files, and those not to be searched for. */
  readonly owners: readonly SweptOwner[];
  /** Could not be read: any of the UIDs may have something there. */
  readonly unread: readonly string[];
}

export const walkPaths: Row<"walk-paths", PathsSubject, Args, Found> = {
  kind: "walk-paths",
  messageId: "1024335891494f9ba143295b3b404972",
  fails: "retry",
  done: ({ uids }, { done, names, owners, unread }) => {
    if (!done) return undefined;
    const count = (one: "found" | "removed") => owners.reduce((sum, owner) => sum + owner[one], 0);
    const which = countOf(uids.length, "uid that waits", "uids that wait");
    const whole = unread.length === 0 ? "" : `; not looked at: ${unread.join("; ")}`;
    return `Looked at ${countOf(names, "name", "names")} for ${which}: files ${count("found")}, removed ${count("removed")}${whole}.`;
  },
};
