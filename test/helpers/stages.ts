// The stages of each way of a session, as kinds of effects, in order.
import type { EffectKind } from "../../src/policy/effects.ts";
import type { Ending } from "../../src/policy/session.ts";
import * as stages from "../../src/policy/stages.ts";
import { ENDING_SESSION, LEASED } from "./samples.ts";

const kindsOf = (way: readonly { readonly kind: EffectKind }[]) => way.map(({ kind }) => kind);

export const endingKinds = (session: Ending): EffectKind[] =>
  kindsOf(stages.ENDING.filter(({ when }) => when?.(session) !== false));

export const ALLOCATING = kindsOf(stages.ALLOCATING);

/** For a shared account. A leased one's leader is watched and in the ledger since its allocation. */
const ALL_OPENING = kindsOf([...stages.PREPARING, ...stages.ADMITTING]);
export const OPENING = ALL_OPENING.filter((kind) => kind !== "permit-unlock");
export const OPENING_LEASED = ALL_OPENING.filter((kind) => kind !== "watch-leader" && kind !== "enter-ledger");

export const ENDING = endingKinds(ENDING_SESSION);

const LEASED_ENDING: Ending = { ...ENDING_SESSION, account: LEASED, leased: true, published: true };
export const ENDING_LEASED = endingKinds(LEASED_ENDING);

/** For a leased account that was never created: its UID may belong to a user of the machine. */
export const ENDING_UNMADE = endingKinds({ ...LEASED_ENDING, published: false });

/** For a leased session that was open when the machine went down. */
export const ENDING_LOST = endingKinds({ ...LEASED_ENDING, cause: "lost-power" });
