// docs/architecture.md draws the policy's login.
import { describe, expect, it } from "vitest";
import { ADMITTING, ALLOCATING, PREPARING } from "../../src/policy/stages.ts";
import { sectionOf } from "../helpers/document.ts";
import { readProjectFile } from "../helpers/tree.ts";

describe("docs/architecture.md", () => {
  it("has the stages of a login, in their order", () => {
    const login = sectionOf(readProjectFile("docs/architecture.md"), "A login");
    const names = [...ALLOCATING, ...PREPARING.slice(1), ...ADMITTING.slice(0, -1)].map(({ kind }) => kind);
    const drawn = [...login.matchAll(new RegExp(`\\b(${names.join("|")})\\b(?=[,:\\n])`, "g"))].map(([, name]) => name);
    expect(drawn).toEqual(names);
  });
});
