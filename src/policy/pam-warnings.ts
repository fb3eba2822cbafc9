// What in PAM's stacks keeps a guest without a password from logging in as guestd means it. Pure: sentences for an administrator.
import type { MetModule, PamModule } from "./pam-stack.ts";
import { describeModule, meetModules } from "./pam-stack.ts";

/** The stack of authentication of a service. */
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

/** A sentence for each module that may ask guests of this group for a password, and what to do about it. */
export function warnOfAsking(stacks: readonly ServiceStack[], group: string): readonly string[] {
  const services = new Map<string, { readonly module: MetModule; readonly names: string[] }>();
  for (const { service, stack } of stacks) {
    for (const module of meetModules(stack, group).filter(({ name }) => !QUIET.has(name))) {
      const key = `${module.side} ${describeModule(module)}`;
      const known = services.get(key) ?? { module, names: [] };
      services.set(key, { module, names: [...known.names, service] });
    }
  }
  return [...services.values()].map(({ module, names }) => describe(module, names));
}

function describe(module: MetModule, services: readonly string[]): string {
  const where = `${describeModule(module)} comes ${module.side} pam_guest when ${services.join(", ")} authenticates`;
  const does =
    module.side === "before"
      ? "may ask a guest for a password or refuse them; put it below pam_guest"
      : "may ask a guest for a password; jump over it for guests";
  return `${where}, and ${does} (pam_guest(8), "Where it may stand").`;
}
