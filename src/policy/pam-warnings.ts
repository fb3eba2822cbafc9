// What in PAM's stacks keeps a guest without a password from logging in as guestd means it, or acts for guests where no view is yet.
// Pure: sentences for an administrator.
import type { PamModule } from "./pam-stack.ts";
import { describeModule, isBinding, meetModules, passModules } from "./pam-stack.ts";

/** A stack of a service. */
export interface ServiceStack {
  readonly service: string;
  readonly stack: readonly PamModule[];
}

// Of any other module nobody here knows that it asks for nothing, and refuses no guest for what others have typed.
const QUIET = new Set(
  (
    "access afs_session cap debug deny echo ecryptfs env exec faildelay fscrypt ftp gnome_keyring group issue keyinit limits " +
    "listfile localuser loginuid mail motd namespace nologin permit rootok securetty selinux shells succeed_if time " +
    "tty_audit umask usertype warn wheel xauth"
  )
    .split(" ")
    .map((name) => `pam_${name}.so`),
);

// These make files, mount, or start programs for the user whose session opens.
const ACTING = new Set(
  (
    "afs_session ecryptfs encfs exec gnome_keyring krb5 kwallet kwallet5 mkhomedir mount namespace oddjob_mkhomedir script " +
    "systemd systemd_home tmpdir xauth"
  )
    .split(" ")
    .map((name) => `pam_${name}.so`),
);

// These let some users in and no others, by rules of an administrator's. Those of pam_access are looked at (access-rules.ts).
const CHOOSING = new Set(["listfile", "localuser", "succeed_if", "time"].map((name) => `pam_${name}.so`));

/** Of services that have the same module so many are named. */
const MOST_NAMED = 4;

/**
 * A sentence for each module that may ask guests of this group for a password, and what to do about it.
 * @param stacks those of authentication
 */
export const warnOfAsking = (stacks: readonly ServiceStack[], group: string): readonly string[] =>
  findModules(stacks, (stack) => meetModules(stack, group).filter(({ name }) => !QUIET.has(name))).map(describeAsking);

/**
 * A sentence for each module that acts for guests of this group on the host, as pam_guest comes after it.
 * @param stacks those of sessions
 */
export const warnOfActing = (stacks: readonly ServiceStack[], group: string): readonly string[] =>
  findModules(stacks, (stack) =>
    meetModules(stack, group).filter(({ name, side }) => side === "before" && ACTING.has(name)),
  ).map(describeActing);

/**
 * A sentence for each module that may refuse guests of this group though they are who they say.
 * @param stacks those for accounts
 */
export const warnOfChoosing = (stacks: readonly ServiceStack[], group: string): readonly string[] =>
  findModules(stacks, (stack) => passModules(stack, group).filter((module) => isChoosing(module, group))).map(
    ({ module, services }) => describeChoosing(module, services, group),
  );

function isChoosing(module: PamModule, group: string): boolean {
  const says = (...words: string[]) => words.every((word) => module.args.includes(word));
  const spares = says("sense=deny") || says("user", "ingroup", group);
  return CHOOSING.has(module.name) && isBinding(module) && !spares;
}

/** A module, and on which side of pam_guest it stands where that matters. */
type Found = PamModule & { readonly side?: string };

interface Finding {
  readonly module: Found;
  readonly services: readonly string[];
}

/** The modules that are meant, each once, with all services that have it. */
function findModules(
  stacks: readonly ServiceStack[],
  findIn: (stack: readonly PamModule[]) => readonly Found[],
): readonly Finding[] {
  const findings = new Map<string, Finding>();
  for (const { service, stack } of stacks) {
    for (const module of findIn(stack)) {
      const key = `${module.side ?? ""} ${describeModule(module)}`;
      const known = findings.get(key) ?? { module, services: [] };
      findings.set(key, { module, services: [...known.services, service] });
    }
  }
  return [...findings.values()];
}

const REMEDY = '(pam_guest(8), "Where it may stand")';

function describeAsking({ module, services }: Finding): string {
  const where = `${describeModule(module)} comes ${module.side ?? ""} pam_guest when ${listServices(services)} authenticates`;
  const does =
    module.side === "before"
      ? "may ask a guest for a password or refuse them; put it below pam_guest"
      : "may ask a guest for a password; jump over it for guests";
  return `${where}, and ${does} ${REMEDY}.`;
}

const describeActing = ({ module, services }: Finding): string =>
  `${describeModule(module)} comes before pam_guest when ${listServices(services)} opens a session, ` +
  `and acts for guests on the host, outside of their views; put it below pam_guest ${REMEDY}.`;

/** A module that may keep guests out, as an administrator is told of it. */
export const describeChoosing = (module: PamModule, services: readonly string[], group: string): string =>
  `${describeModule(module)} chooses whom ${listServices(services)} lets in; make sure that it lets the group ${group} in.`;

function listServices(services: readonly string[]): string {
  const more = services.length - MOST_NAMED;
  return more > 1 ? `${services.slice(0, MOST_NAMED).join(", ")} or one of ${more} more services` : services.join(", ");
}
