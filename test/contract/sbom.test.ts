// packaging/sbom.mjs lists what DEPENDENCIES.md names, and what the packages were linked with.
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { VERSION } from "../../src/version.ts";
import { execute } from "../helpers/execute.ts";
import { PROJECT, readProjectFile } from "../helpers/tree.ts";

interface Component {
  readonly type: string;
  readonly "bom-ref": string;
  readonly name: string;
  readonly version: string;
  readonly purl: string;
  readonly licenses: readonly unknown[];
  readonly hashes?: readonly { readonly alg: string; readonly content: string }[];
}

interface Document {
  readonly bomFormat: string;
  readonly specVersion: string;
  readonly serialNumber: string;
  readonly version: number;
  readonly metadata: { readonly component: Component };
  readonly components: readonly Component[];
  readonly dependencies: readonly { readonly ref: string; readonly dependsOn: readonly string[] }[];
}

const LINKED = "glibc (= 2.36-9+deb12u10), gcc-12 (= 12.2.0-14)";

describe("packaging/sbom.mjs", () => {
  let folder: string;

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "guestd-sbom-"));
  });
  afterAll(() => {
    rmSync(folder, { recursive: true });
  });

  /** @param linked a control field of each package, such as Built-Using */
  const makePackages = (...linked: readonly string[]) =>
    linked.map((field, index) => {
      const tree = join(folder, String(index));
      const control = `Package: guestd\nVersion: ${VERSION}~deb12\nArchitecture: all\nMaintainer: nobody\nDescription: nothing\n${field}\n`;
      mkdirSync(join(tree, "DEBIAN"), { recursive: true });
      writeFileSync(join(tree, "DEBIAN/control"), control);
      execFileSync("dpkg-deb", ["--root-owner-group", "--build", tree, `${tree}.deb`]);
      return `${tree}.deb`;
    });

  const run = (...linked: readonly string[]) =>
    execute(["node", join(PROJECT, "packaging/sbom.mjs"), ...makePackages(...linked)]);

  async function list(...linked: readonly string[]): Promise<Document> {
    const { code, stdout, stderr } = await run(...linked.map((field) => `Built-Using: ${field}`));
    expect(code, stderr).toBe(0);
    return JSON.parse(stdout) as Document;
  }

  it("names the npm packages of DEPENDENCIES.md that are in the packages, and no other", async () => {
    const { components } = await list();
    const sections = readProjectFile("DEPENDENCIES.md").split("\n## ").slice(1, 3).join("\n");
    const rows = [...sections.matchAll(/^\| ([^|]+) \| (\d[^|]*) \| ([^|]+) \|/gm)].map(
      ([, name = "", version = "", license = ""]) => ({ name, version, licenses: [{ license: { id: license } }] }),
    );
    expect(rows.length).toBeGreaterThan(5);
    expect(components.map(({ name, version, licenses }) => ({ name, version, licenses }))).toEqual(
      rows.sort((a, b) => (a.name < b.name ? -1 : 1)),
    );
    for (const { hashes } of components)
      expect(hashes).toEqual([{ alg: "SHA-512", content: expect.stringMatching(/^[0-9a-f]{128}$/) as unknown }]);
  });

  it("names the sources that static programs were linked with, each once", async () => {
    const { components } = await list(LINKED, "glibc (= 2.36-9+deb12u10), gcc-12-cross (= 12.2.0-14cross1)");
    expect(components.map(({ purl }) => purl).filter((purl) => purl.startsWith("pkg:deb/"))).toEqual([
      "pkg:deb/debian/glibc@2.36-9%2Bdeb12u10?arch=source&distro=debian-12",
      "pkg:deb/debian/gcc-12@12.2.0-14?arch=source&distro=debian-12",
      "pkg:deb/debian/gcc-12-cross@12.2.0-14cross1?arch=source&distro=debian-12",
    ]);
  });

  it.each([
    ["of which it is not known what it was linked with", "Section: admin", "does not say what it was linked with"],
    ["with a library of an unknown licence", "Built-Using: musl (= 1.2)", "does not know the licence of musl"],
  ])("refuses a package %s", async (_, field, reason) => {
    expect(await run(field)).toMatchObject({ code: 1, stderr: expect.stringContaining(reason) as unknown });
  });

  it("has the form of CycloneDX 1.5", async () => {
    const document = await list(LINKED);
    expect(document).toMatchObject({ bomFormat: "CycloneDX", specVersion: "1.5", version: 1 });
    expect(document.serialNumber).toMatch(/^urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/);
    const all = [document.metadata.component, ...document.components];
    for (const component of all) {
      expect(component.type).toMatch(/^(application|library)$/);
      expect(component.purl).toMatch(/^pkg:(generic|npm|deb\/debian)\/[^@\s]+@[^@\s]+$/);
      expect(component.licenses).toHaveLength(1);
    }
    const references = all.map((component) => component["bom-ref"]);
    expect(new Set(references).size).toBe(references.length);
    const [own, ...others] = references;
    expect(document.dependencies).toEqual([{ ref: own, dependsOn: others }]);
  });

  it("is the same for the same packages", async () => {
    expect(await list(LINKED)).toEqual(await list(LINKED));
    expect((await list(LINKED)).serialNumber).not.toBe((await list()).serialNumber);
  });
});
