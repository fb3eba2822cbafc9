// Which greeters offer the ghost: those that need no password and can ask for terms of use, while guests may log in.
// Pure.
import { leasesThrough } from "./admission.ts";
import { DISPLAY_MANAGERS } from "./display-managers.ts";
import { asksForTerms } from "./notice.ts";
import type { Offer } from "./offer.ts";
import type { Next, State } from "./state.ts";
import { stay } from "./state.ts";
import { SWITCH } from "./subject.ts";

/** Tells greeters what has changed. At the start that is everything: an earlier guestd may have told them anything. */
export function offerGhost(state: State): Next {
  const offer = findOffer(state);
  if (JSON.stringify(offer) === JSON.stringify(state.offer)) return stay(state);
  return stay({ ...state, offer }, { kind: "offer-ghost", subject: SWITCH, offer });
}

/**
 * Tells greeters again after a reload, because the display manager may be another one. Does nothing before the switch
 * is known.
 */
export const offerGhostAgain = (state: State): Next =>
  state.offer === undefined ? stay(state) : offerGhost({ ...state, offer: undefined });

function findOffer({ config, loginSwitch, notice }: State): Offer {
  if (config === undefined) return { ghost: "", by: [] };
  const isOpen = loginSwitch.enabled && config.Guests.Enabled;
  const leadsIn = (service: string) =>
    isOpen && leasesThrough(config, service) && (notice.terms === undefined || asksForTerms(service));
  const offering = DISPLAY_MANAGERS.filter(({ chosen }) => chosen !== undefined && leadsIn(chosen));
  return { ghost: config.Guests.Ghost, by: offering.map(({ name }) => name) };
}
