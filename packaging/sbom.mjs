// Lists what is in guestd's packages besides guestd, as CycloneDX: node packaging/sbom.mjs PACKAGE.deb... >FILE
//
// The npm packages are those of debian/copyright: `npm sbom` lists more than the packages contain. Of Debian, it is
// what static programs are linked with (Built-Using).
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";

/** Of Debian's source packages that a static program can have a library from. */
const LINKED = [
  [/^(glibc|cross-toolchain-base.*)$/, "LGPL-2.1-or-later"],
  [/^gcc-\d+(-cross.*)?$/, "GPL-3.0-or-later WITH GCC-exception-3.1"],
];
/** SPDX's names for other names in npm. */
const SPDX = { "MIT/X11": "MIT" };

const read = (name) => readFileSync(new URL(`../${name}`, import.meta.url), "utf8");
const { name: NAME, version: VERSION, license: LICENSE } = JSON.parse(read("package.json"));
const { packages: LOCKED } = JSON.parse(read("package-lock.json"));

const component = (name, version, license, purl) => ({
  type: "library",
  "bom-ref": purl,
  name,
  version,
  licenses: [license.includes(" ") ? { expression: license } : { license: { id: license } }],
  purl,
});

function listNpm() {
  const copyright = read("packaging/debian/copyright");
  const [, programs = ""] = copyright.split("of these npm packages:\n .\n");
  const bundled = [...(programs.split("\n .\n")[0] ?? "").matchAll(/^ {2}(\S+) +\S/gm)];
  const compiled = [...copyright.matchAll(/^Files: vendor\/(\S+)\/\*$/gm)];
  return [...new Set([...bundled, ...compiled].map(([, name]) => name))].sort();
}

function describeNpm(name) {
  const { version, license, integrity } = LOCKED[`node_modules/${name}`];
  const digest = Buffer.from(integrity.replace(/^sha512-/, ""), "base64");
  return {
    ...component(name, version, SPDX[license] ?? license, `pkg:npm/${name.replace("@", "%40")}@${version}`),
    hashes: [{ alg: "SHA-512", content: digest.toString("hex") }],
  };
}

function describeLinked(name, version, distribution) {
  const [, license] = LINKED.find(([pattern]) => pattern.test(name)) ?? [];
  if (license === undefined) throw new Error(`packaging/sbom.mjs does not know the licence of ${name}`);
  const purl = `pkg:deb/debian/${name}@${encodeURIComponent(version)}?arch=source&distro=${distribution}`;
  return component(name, version, license, purl);
}

function listLinked(path) {
  const field = (name) => execFileSync("dpkg-deb", ["--field", path, name], { encoding: "utf8" }).trim();
  const [, release] = /~deb(\d+)$/.exec(field("Version")) ?? [];
  const linked = [...field("Built-Using").matchAll(/(\S+) \(= (\S+)\)/g)];
  if (linked.length === 0) throw new Error(`${path} does not say what it was linked with`);
  return linked.map(([, name, version]) => describeLinked(name, version, `debian-${release}`));
}

/** Packages for two architectures are linked with the same sources. */
const unique = (components) => [...new Map(components.map((one) => [one.purl, one])).values()];

/** The same for the same contents. */
function nameDocument(contents) {
  const hex = createHash("sha256").update(contents).digest("hex");
  return `urn:uuid:${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}

const own = `pkg:generic/${NAME}@${VERSION}`;
const components = unique([...listNpm().map(describeNpm), ...process.argv.slice(2).flatMap(listLinked)]);
const document = {
  $schema: "http://cyclonedx.org/schema/bom-1.5.schema.json",
  bomFormat: "CycloneDX",
  specVersion: "1.5",
  serialNumber: nameDocument(JSON.stringify([own, components])),
  version: 1,
  metadata: {
    component: { ...component(NAME, VERSION, LICENSE, own), type: "application" },
  },
  components,
  dependencies: [{ ref: own, dependsOn: components.map(({ purl }) => purl) }],
};
process.stdout.write(`${JSON.stringify(document, null, 2)}\n`);
