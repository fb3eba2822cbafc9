// Why the ghost cannot log in: account, group, PAM stacks. Pure. The sentences follow a colon.
import type { Config } from "../config/schema.ts";
import type { AccessVerdict } from "./access-rules.ts";
import { judgeAccess } from "./access-rules.ts";
import type { Account } from "./account.ts";
import type { RuleFile } from "./ghost-rules.ts";
import { GHOST_UID } from "./lease.ts";
import type { PamModule } from "./pam-stack.ts";
import { describeModule, isBinding, PAM_GUEST, passModules } from "./pam-stack.ts";
import { describeChoosing } from "./pam-warnings.ts";

export interface GhostFacts {
  /** The account with the ghost's name. */
  readonly account: Account | undefined;
  readonly hasGroup: boolean;
  /** It is in the group of guests. */
  readonly member: boolean;
}

/** Returns why the ghost's account cannot be used. If Passwordless= is empty, guests may have their own. */
export function findGhostFault({ Guests }: Config, { account, hasGroup, member }: GhostFacts): string | undefined {
  const { Ghost, Group, Passwordless } = Guests;
  if (!hasGroup) return `there is no group ${Group}; "groupadd --system ${Group}" makes it, then "guestctl reload"`;
  if (Passwordless.length === 0 || member) return undefined;
  if (account === undefined)
    return `the name service does not know the account ${Ghost}; "passwd:" in /etc/nsswitch.conf must have "systemd", libnss-systemd be installed, and no link in /etc/userdb hide it ("dpkg-reconfigure guestd", once PAM has pam_guest)`;
  if (account.uid === GHOST_UID)
    return `the account ${Ghost} is not in the group ${Group}; "guestctl reload" makes it known as it is configured`;
  return `the name ${Ghost} belongs to another account, with uid ${account.uid}, that is not in the group ${Group}; rename that account, or set Ghost= in [Guests] to a name that is free`;
}

/** A stack is undefined if it could not be read. */
export interface Stacks {
  readonly service: string;
  readonly auth: readonly PamModule[] | undefined;
  readonly account: readonly PamModule[] | undefined;
  readonly session: readonly PamModule[] | undefined;
}

/** Returns which stacks lack pam_guest. */
export const listUnwired = (stacks: Stacks): readonly ("auth" | "session")[] =>
  (["auth", "session"] as const).filter(
    (type) => stacks[type] !== undefined && stacks[type].every(({ name }) => name !== PAM_GUEST),
  );

const REMEDY = 'pam-auth-update(8) puts it there; see "Position in the stack" in pam_guest(8)';

export function findServiceFault(stacks: Stacks, files: readonly RuleFile[], group: string): string | undefined {
  const unwired = listUnwired(stacks);
  if (unwired.length > 0)
    return `the PAM stack of ${stacks.service} has no pam_guest for ${unwired.join(" and ")}; ${REMEDY}`;
  return listAccess(stacks, group)
    .map((module) => describeRefusal(stacks.service, module, judgeAccess(files, group, module), group))
    .find((sentence) => sentence !== undefined);
}

const describeRefusal = (service: string, module: PamModule, verdict: AccessVerdict, group: string) =>
  verdict.kind === "refuses"
    ? `the rules of ${describeModule(module)} keep guests out of ${service}, at ${verdict.rule}; put "+:(${group}):ALL" above that one`
    : undefined;

/** Returns why the ghost cannot log in through any service of Passwordless=. */
export function findEveryFault(
  services: readonly Stacks[],
  files: readonly RuleFile[],
  group: string,
): string | undefined {
  if (services.length === 0) return "this machine has none of the PAM services that Passwordless= names";
  const faults = services.map((stacks) => findServiceFault(stacks, files, group));
  if (faults.includes(undefined)) return undefined;
  const wired = services.findIndex((stacks) => listUnwired(stacks).length === 0);
  if (wired >= 0 || services.length === 1) return faults[Math.max(wired, 0)];
  const names = services.map(({ service }) => service).join(", ");
  return `none of the PAM services of Passwordless= (${names}) has pam_guest for both auth and session; ${REMEDY}`;
}

/** Warns of rules of pam_access that may refuse guests. */
export const warnOfAccess = (stacks: Stacks, files: readonly RuleFile[], group: string): readonly string[] =>
  listAccess(stacks, group).flatMap((module) => {
    const verdict = judgeAccess(files, group, module);
    if (verdict.kind === "admits") return [];
    const refusal = describeRefusal(stacks.service, module, verdict, group);
    return refusal === undefined
      ? [describeChoosing(module, [stacks.service], group)]
      : [`${refusal.charAt(0).toUpperCase()}${refusal.slice(1)}.`];
  });

const listAccess = ({ account }: Stacks, group: string) =>
  passModules(account ?? [], group).filter((module) => module.name === "pam_access.so" && isBinding(module));
