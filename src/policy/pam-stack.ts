// A PAM stack as a list of modules, and those that a guest meets. Pure; system/pam-stacks.ts reads stacks.

export type PamType = "auth" | "account" | "password" | "session";

export interface PamModule {
  readonly type: PamType;
  /** A word such as "required", or the actions in brackets. */
  readonly control: string;
  /** File name, such as "pam_krb5.so". */
  readonly name: string;
  readonly args: readonly string[];
  readonly file: string;
  readonly line: number;
}

/** A module that a guest meets, before or after pam_guest. */
export interface MetModule extends PamModule {
  readonly side: "before" | "after";
}

export const PAM_GUEST = "pam_guest.so";

/**
 * Returns the modules that an admitted guest meets; none if the stack has no pam_guest. Follows the certain jumps:
 * those of pam_guest, and of pam_succeed_if with a test for the group.
 */
export function meetModules(stack: readonly PamModule[], group: string): readonly MetModule[] {
  const own = stack.findIndex(({ name }) => name === PAM_GUEST);
  return own < 0 ? [] : walkModules(stack, group, own);
}

/** The same for stacks without pam_guest, such as account. */
export const passModules = (stack: readonly PamModule[], group: string): readonly PamModule[] =>
  walkModules(stack, group, stack.length);

function walkModules(stack: readonly PamModule[], group: string, own: number): readonly MetModule[] {
  const met: MetModule[] = [];
  for (let index = 0; index < stack.length; index++) {
    const module = stack[index];
    if (module === undefined) break;
    if (module.name !== PAM_GUEST) met.push({ ...module, side: index < own ? "before" : "after" });
    const action = actionOf(module, group);
    if (action === "leave") break;
    index += action;
  }
  return met;
}

/** Returns how many modules to skip; "leave" ends the stack. */
function actionOf({ name, control, args }: PamModule, group: string): number | "leave" {
  if (name === PAM_GUEST) return actionFor(control, ["success"]);
  const [asked, how, of, ...more] = args.filter(
    (word) => !["quiet", "quiet_success", "quiet_fail", "debug"].includes(word),
  );
  if (name !== "pam_succeed_if.so" || asked !== "user" || of !== group || more.length > 0) return 0;
  if (how === "ingroup") return actionFor(control, ["success"]);
  return how === "notingroup" ? actionFor(control, ["auth_err", "default"]) : 0;
}

/** Returns the action for the first result that the control names (pam.d(5)). */
function actionFor(control: string, results: readonly string[]): number | "leave" {
  if (!control.startsWith("[")) return control === "sufficient" && results[0] === "success" ? "leave" : 0;
  const actions = new Map(
    control
      .slice(1, -1)
      .trim()
      .split(/\s+/)
      .map((word) => [word.replace(/=.*/, ""), word.replace(/^[^=]*=?/, "")]),
  );
  const action = results.map((result) => actions.get(result)).find((found) => found !== undefined) ?? "";
  if (action === "done" || action === "die") return "leave";
  return /^\d+$/.test(action) ? Number(action) : 0;
}

/** Whether its failure fails the login. */
export const isBinding = ({ control }: PamModule): boolean =>
  /^(required|requisite)$/i.test(control) || /=(bad|die)\b/.test(control);

export const describeModule = ({ name, file, line }: PamModule): string => `${name} (${file}:${line})`;
