// A stack of PAM as the modules in it, in their order, and the way a guest takes through it. Pure: reading them is system/pam-stacks.ts.

export type PamType = "auth" | "account" | "password" | "session";

/** One line of a stack. */
export interface PamModule {
  readonly type: PamType;
  /** A word as "required", or the list of actions in brackets. */
  readonly control: string;
  /** Its file without the directory, such as "pam_krb5.so". */
  readonly name: string;
  readonly args: readonly string[];
  /** Where it is written. */
  readonly file: string;
  readonly line: number;
}

/** Of modules that a guest comes to: whether that is before pam_guest or after it. */
export interface MetModule extends PamModule {
  readonly side: "before" | "after";
}

export const PAM_GUEST = "pam_guest.so";

/**
 * The modules that a guest of this group comes to whom pam_guest admits; empty where the stack has no pam_guest.
 * Jumps are taken where they are certain: that of pam_guest itself, and of pam_succeed_if where it asks for the group.
 */
export function meetModules(stack: readonly PamModule[], group: string): readonly MetModule[] {
  const own = stack.findIndex(({ name }) => name === PAM_GUEST);
  return own < 0 ? [] : walkModules(stack, group, own);
}

/** The modules that a guest of this group comes to in a stack that has no pam_guest, such as those for accounts. */
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

/** How many modules are jumped over after this one; "leave" where it ends the stack. */
function actionOf({ name, control, args }: PamModule, group: string): number | "leave" {
  if (name === PAM_GUEST) return actionFor(control, ["success"]);
  const [asked, how, of, ...more] = args.filter(
    (word) => !["quiet", "quiet_success", "quiet_fail", "debug"].includes(word),
  );
  if (name !== "pam_succeed_if.so" || asked !== "user" || of !== group || more.length > 0) return 0;
  if (how === "ingroup") return actionFor(control, ["success"]);
  return how === "notingroup" ? actionFor(control, ["auth_err", "default"]) : 0;
}

/** What a control says of the first of these results that it names (pam.d(5)). */
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

/** Whether the login ends where a module of this control says no. */
export const isBinding = ({ control }: PamModule): boolean =>
  /^(required|requisite)$/i.test(control) || /=(bad|die)\b/.test(control);

/** A module as a sentence names it. */
export const describeModule = ({ name, file, line }: PamModule): string => `${name} (${file}:${line})`;
