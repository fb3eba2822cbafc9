// Holds the walk of all directories while it is paused. Policy decides when it continues.
import type { Config } from "../../config/schema.ts";
import type { FoundOf } from "../../policy/effects.ts";
import type { Bindings, Walk } from "../bindings.ts";
import { boundSentences } from "../sentences.ts";
import { resolveLinks, SERVICE_TREES } from "./paths.ts";

/** Milliseconds. guestd waits this long before it exits. */
const SLICE_MS = 1000;

type Found = FoundOf<"walk-paths">;

export interface PathWalkParts {
  readonly bindings: Pick<Bindings, "openWalk">;
  /** @throws Error if a user has the UID: nothing of theirs may be removed */
  readonly checkForeign: (uid: number) => Promise<void>;
}

export class PathWalk {
  readonly #parts: PathWalkParts;
  #walk: Walk | undefined;
  /** UIDs that must not be searched for. */
  #barred: Found["owners"] = [];

  constructor(parts: PathWalkParts) {
    this.#parts = parts;
  }

  /**
   * Begins a walk, or continues it.
   * @throws Error if it must begin again
   */
  async goOn(uids: readonly number[], begins: boolean, settings: Config["Sweep"]): Promise<Found> {
    const walk = begins ? await this.#open(uids, settings) : this.#walk;
    // If the walk fails, it is over.
    this.#walk = undefined;
    if (walk === undefined) throw new Error("there is no walk to go on with");
    const { done, names, owners, unread } = await walk.goOn(SLICE_MS);
    if (!done) this.#walk = walk;
    const bounded = owners.map((owner) => ({ ...owner, left: boundSentences(owner.left) }));
    return { done, names, owners: [...this.#barred, ...bounded], unread: boundSentences(unread) };
  }

  async #open(uids: readonly number[], { Paths }: Config["Sweep"]): Promise<Walk> {
    const barred: Found["owners"][number][] = [];
    for (const uid of uids) {
      const reason = await this.#parts.checkForeign(uid).catch((error: unknown) => error);
      if (reason !== undefined) barred.push({ uid, found: 0, removed: 0, left: [sentenceOf(reason)] });
    }
    this.#barred = barred;
    const paths = await resolveLinks([...Paths.map(({ path }) => path), ...SERVICE_TREES]);
    return this.#parts.bindings.openWalk(
      paths,
      uids.filter((uid) => !barred.some((one) => one.uid === uid)),
    );
  }
}

const sentenceOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
