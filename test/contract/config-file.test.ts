// The shipped configuration has every key at its default, commented out, with its help. UPDATE=1 writes the file.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { parseConfig } from "../../src/config/parse.ts";
import { listKeys } from "../../src/config/schema.ts";
import { PROJECT, readProjectFile } from "../helpers/tree.ts";

const HEAD = `# Configuration of guestd. See guestd.conf(5) for details.
#
# Each key is commented out at its default. Put your settings into a file of their own, such as
# /etc/guestd/guestd.conf.d/local.conf, below the [Section] of each. Then run "guestctl reload".
#
# A comment has a line of its own. Words of a list are separated by blanks; quote a word that contains one.
# A further assignment adds to a list, and an empty one clears it.
`;

function renderConfigFile(): string {
  const lines: string[] = [HEAD];
  let current = "";
  for (const { section, name, key } of listKeys()) {
    if (section !== current) lines.push(`[${section}]`, "");
    current = section;
    lines.push(...wrap(key.help, 110).map((line) => `# ${line}`), `#${name}=${key.initial}`, "");
  }
  return lines.join("\n");
}

function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  for (const word of text.split(" ")) {
    const last = lines.at(-1);
    if (last !== undefined && `${last} ${word}`.length <= width) lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines;
}

describe("etc/guestd.conf", () => {
  if (process.env["UPDATE"] === "1") writeFileSync(join(PROJECT, "etc/guestd.conf"), renderConfigFile());

  it("contains every key with its default", () => {
    expect(readProjectFile("etc/guestd.conf")).toBe(renderConfigFile());
  });

  it("as shipped changes nothing", () => {
    const result = parseConfig([{ path: "guestd.conf", text: readProjectFile("etc/guestd.conf") }]);
    expect(result.ok && result.settings.every(({ origin }) => origin === "default")).toBe(true);
  });

  it("is still valid when every key is set", () => {
    const clear = new Set(
      listKeys()
        .filter(({ key }) => key.type.list)
        .map(({ name }) => name),
    );
    const set = readProjectFile("etc/guestd.conf").replace(/^#(\w+)=/gm, (_, name: string) =>
      clear.has(name) ? `${name}=\n${name}=` : `${name}=`,
    );
    const [all, none] = [parseConfig([{ path: "a", text: set }]), parseConfig([])];
    expect(all.ok && none.ok && all.config).toEqual(none.ok && none.config);
  });
});
