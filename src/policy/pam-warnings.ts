// Warns of PAM modules that ask or refuse guests, or act for them before there is a view. Pure.
import type { PamModule } from "./pam-stack.ts";
import { describeModule, isBinding, meetModules, passModules } from "./pam-stack.ts";

export interface ServiceStack {
  readonly service: string;
  readonly stack: readonly PamModule[];
}

// These ask for nothing, and refuse no guest because of what others typed. Other modules might.
const QUIET = new Set(
  (
    "access afs_session cap debug deny echo ecryptfs env exec faildelay fscrypt ftp gnome_keyring group issue keyinit limits " +
    "listfile localuser loginuid mail motd namespace nologin permit rootok securetty selinux shells succeed_if time " +
    "tty_audit umask usertype warn wheel xauth"
  )
    .split(" ")
    .map((name) => `pam_${name}.so`),
);

// These create files, mount, or start programs for the user.
const ACTING = new Set(
  (
    "afs_session ecryptfs encfs exec gnome_keyring krb5 kwallet kwallet5 mkhomedir mount namespace oddjob_mkhomedir script " +
    "systemd systemd_home tmpdir xauth"
  )
    .split(" ")
    .map((name) => `pam_${name}.so`),
);

// These admit users by rules. access-rules.ts judges those of pam_access.
const CHOOSING = new Set(["listfile", "localuser", "succeed_if", "time"].map((name) => `pam_${name}.so`));

const MOST_NAMED = 4;

/**
 * Warns of modules that may ask this group for a password.
 * @param stacks of type auth
 */
export const warnOfAsking = (stacks: readonly ServiceStack[], group: string): readonly string[] =>
  findModules(stacks, (stack) => meetModules(stack, group).filter(({ name }) => !QUIET.has(name))).map(describeAsking);

/**
 * Warns of modules that act for guests on the host, because they come before pam_guest.
 * @param stacks of type session
 */
export const warnOfActing = (stacks: readonly ServiceStack[], group: string): readonly string[] =>
  findModules(stacks, (stack) =>
    meetModules(stack, group).filter(({ name, side }) => side === "before" && ACTING.has(name)),
  ).map(describeActing);

/**
 * Warns of modules that may refuse authenticated guests.
 * @param stacks of type account
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

/** `side` of pam_guest, if that matters. */
type Found = PamModule & { readonly side?: string };

interface Finding {
  readonly module: Found;
  readonly services: readonly string[];
}

/** Returns each module once, with all its services. */
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

const REMEDY = '(pam_guest(8), "Position in the stack")';

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
  `and acts for guests on the host, outside their views; put it below pam_guest ${REMEDY}.`;

export const describeChoosing = (module: PamModule, services: readonly string[], group: string): string =>
  `${describeModule(module)} chooses whom ${listServices(services)} lets in; make sure that it lets the group ${group} in.`;

function listServices(services: readonly string[]): string {
  const more = services.length - MOST_NAMED;
  return more > 1 ? `${services.slice(0, MOST_NAMED).join(", ")} or one of ${more} more services` : services.join(", ");
}
