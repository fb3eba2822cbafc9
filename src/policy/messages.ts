// The MESSAGE_ID of each action, and the sentence for a failure. systemd/guestd.catalog explains ids; a test compares
// them.
import type { AnyEffect, EffectKind } from "./effects.ts";
import { EFFECT_KINDS, rowOf } from "./effects.ts";
import { keyOf } from "./subject.ts";

const DAEMON_IDS = {
  "daemon-started": "993565976fba4662b6a730b7b12e9eed",
  "daemon-stopping": "8df08078a22e418085c2c2af3977a654",
  "config-loaded": "f3194a3b381e43e7952c466e473a1797",
  "config-rejected": "c498b6e73648445e9afa3a387f006745",
  "record-rejected": "ab57f985433243daa75a2e199b58ba8d",
  "switch-rejected": "c03e0e6ce863489db5686c4a7de83fbf",
  "orphan-killed": "60facf7785ba45b9959812f65a139cf5",
  "call-denied": "c1b87f1a7323491b99f9cbef0f69a4d0",
  "call-failed": "2eb737282fea475eb5365e1458294a90",
} as const;

export type DaemonAction = keyof typeof DAEMON_IDS;
export const DAEMON_ACTIONS = Object.keys(DAEMON_IDS) as DaemonAction[];

export const MESSAGE_IDS: Readonly<Record<EffectKind | DaemonAction, string>> = {
  ...(Object.fromEntries(EFFECT_KINDS.map((kind) => [kind, rowOf(kind).messageId])) as Record<EffectKind, string>),
  ...DAEMON_IDS,
};

export const describeFailed = ({ kind, subject }: AnyEffect, reason: string): string =>
  `Failed at ${kind} of ${keyOf(subject)}: ${reason}`;
