// pam_guest(8) has the module's options, return values and sentence, and the profile.
import { describe, expect, it } from "vitest";
import { GHOST_UID } from "../../src/policy/lease.ts";
import { cut, readItems, readNumber, readPage, termsOf, words } from "../helpers/man.ts";
import { readProjectFile } from "../helpers/tree.ts";

const PAGE = "pam_guest.8";
const hooks = ["pam/pam_guest.c", "pam/authenticate.c"].map(readProjectFile).join("\n");

/** What is between a function's braces, by its name. */
const bodies = new Map(
  [...hooks.matchAll(/^(?:static )?[\w ]+\**\b(\w+)\([^;{]*\)\n\{\n(.*?)^\}/gms)].map(([, name = "", body = ""]) => [
    name,
    body,
  ]),
);

/** Includes what these files' other functions return. */
function readReturned(name: string): Set<string> {
  const returned = [...(bodies.get(name) ?? "").matchAll(/return ([^;]*);/g)].map(([, value = ""]) => value);
  const called = returned
    .flatMap((value) => [...value.matchAll(/\b(\w+)\(/g)].map(([, callee = ""]) => callee))
    .filter((callee) => bodies.has(callee));
  const own = returned.flatMap((value) => [...value.matchAll(/(?<![!=]= )\bPAM_\w+/g)].map(([code]) => code));
  return new Set([...own, ...called.flatMap((callee) => [...readReturned(callee)])]);
}

describe("pam_guest(8)", () => {
  it("has the options of the module, with their defaults", () => {
    const names = [
      ...cut("pam/options.c", "struct options options_parse", "return options;").matchAll(/cmp\(argv\[i\], "([^"]+)"/g),
    ].map(([, name]) => name);
    const documented = readItems(PAGE).filter(({ section }) => section === "OPTIONS");
    expect(documented.map(({ terms }) => terms.join(" ").replace(/=.*/, "=")).sort()).toEqual(names.sort());
    const [, group] = /\.group = "(\w+)"/.exec(readProjectFile("pam/options.c")) ?? [];
    const [seconds, most] = ["SECONDS", "SECONDS_MAX"].map((name) => readNumber("pam/options.c", name));
    const textOf = (name: string) => documented.find(({ terms }) => terms[0]?.startsWith(name))?.text;
    expect(textOf("group=")).toMatch(new RegExp(` Default: ${String(group)}\\.`));
    expect(textOf("timeout=")).toMatch(new RegExp(` from 1 to ${String(most)}\\. Default: ${String(seconds)}\\.`));
  });

  it.each([
    ["Authentication", "pam_sm_authenticate"],
    ["Credentials", "pam_sm_setcred"],
    ["Opening a session", "pam_sm_open_session"],
    ["Closing a session", "pam_sm_close_session"],
  ])("has the return values of the hook: %s", (part, hook) => {
    expect(new Set(termsOf(PAGE, "RETURN VALUES", part))).toEqual(readReturned(hook));
  });

  it("has all exported hooks", () => {
    const exported = [...readProjectFile("pam/pam_guest.map").matchAll(/\b(pam_sm_\w+);/g)].map(([, name]) => name);
    expect(exported.sort()).toEqual([
      "pam_sm_authenticate",
      "pam_sm_close_session",
      "pam_sm_open_session",
      "pam_sm_setcred",
    ]);
    expect(
      new Set(
        readItems(PAGE)
          .filter(({ section }) => section === "RETURN VALUES")
          .map(({ part }) => part),
      ).size,
    ).toBe(exported.length);
  });

  it("says how long closing a session may take", () => {
    expect(readPage(PAGE)).toContain(`takes ${readNumber("pam/pam_guest.c", "CLOSE_SECONDS")} seconds at most`);
  });

  it("has the ghost's UID of its user record, guestd and the module", () => {
    const uid = readNumber("pam/find_guest.c", "GHOST_UID");
    expect(JSON.parse(readProjectFile("systemd/guest.user"))).toMatchObject({ uid });
    expect(GHOST_UID).toBe(uid);
    expect(readPage(PAGE)).toContain(`The ghost (uid ${uid}) is refused`);
  });

  it("shows the installed profile, and the module's own sentence", () => {
    const profile = cut("packaging/pam-configs", "Session:\n", "\n\n")
      .trim()
      .split("\n")
      .map((line) => words(`session ${line}`))
      .join(" ");
    const [page, daemonPage] = [readPage(PAGE), readPage("guestd.8")];
    expect(page).toContain(profile);
    // pam-auth-update replaces "end" with a number. pam_unix and pam_deny follow, but not when pam_guest is alone.
    const auth = words(`auth ${cut("packaging/pam-configs", "Auth:\n", "\n")}`);
    expect(page).toContain(auth.replace("success=end", "success=2"));
    expect(daemonPage).toContain(auth.replace("success=end", "success=done"));
    const [, ...sentence] = /dgettext\(DOMAIN, "([^"]+)"\s+"([^"]+)"/.exec(readProjectFile("pam/hook_common.c")) ?? [];
    expect(sentence).toHaveLength(2);
    expect(page).toContain(sentence.join(""));
  });
});
