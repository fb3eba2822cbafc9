// No circular imports or includes: each part can be read and tested without those built on it.
import { basename, dirname, extname, join, normalize } from "node:path";
import { describe, expect, it } from "vitest";
import { listProjectFiles, readProjectFile } from "../helpers/tree.ts";

/** Each file's direct uses. */
type Graph = ReadonlyMap<string, readonly string[]>;

/** Groups of files that reach each other. */
function findCircles(graph: Graph): string[][] {
  const reachable = new Map([...graph.keys()].map((from) => [from, reach(graph, from)]));
  const groups = [...graph.keys()].map((file) =>
    [...(reachable.get(file) ?? [])].filter((other) => reachable.get(other)?.has(file)).sort(),
  );
  return [...new Map(groups.filter((group) => group.length > 0).map((group) => [group.join(), group])).values()];
}

/** Includes indirect uses, but the file itself only in a circle. */
function reach(graph: Graph, from: string): Set<string> {
  const found = new Set<string>();
  const next = [...(graph.get(from) ?? [])];
  for (let file = next.pop(); file !== undefined; file = next.pop()) {
    if (found.has(file)) continue;
    found.add(file);
    next.push(...(graph.get(file) ?? []));
  }
  return found;
}

const files = listProjectFiles();

/** Types count: a file's reader needs them. */
const IMPORT = /(?:^(?:import|export)\s[^;]*?from |\bimport\()"(\.[^"]+)"/gms;
const imports: Graph = new Map(
  files
    .filter((name) => /^src\/.*\.ts$/.test(name))
    .map((file) => [
      file,
      [...readProjectFile(file).matchAll(IMPORT)].map(([, to = ""]) => normalize(join(dirname(file), to))),
    ]),
);

/** A header and the source of the same name are one part. */
function includesOf(folder: string): Graph {
  const part = (name: string) => basename(name, extname(name));
  const graph = new Map<string, string[]>();
  for (const file of files.filter((name) => name.startsWith(`${folder}/`) && /\.(c|cc|h)$/.test(name))) {
    const included = [...readProjectFile(file).matchAll(/^#include "([^"]+)"/gm)].map(([, name = ""]) => part(name));
    const others = included.filter((name) => name !== part(file));
    graph.set(part(file), [...(graph.get(part(file)) ?? []), ...others]);
  }
  return graph;
}

describe("a circle of imports", () => {
  it("is found, however long it is", () => {
    const graph = new Map([
      ["a", ["b", "d"]],
      ["b", ["c"]],
      ["c", ["a"]],
      ["d", []],
      ["e", ["e"]],
    ]);
    expect(findCircles(graph)).toEqual([["a", "b", "c"], ["e"]]);
  });

  it("does not exist in src", () => {
    expect([...imports.values()].flat().filter((to) => !imports.has(to))).toEqual([]);
    expect(findCircles(imports)).toEqual([]);
  });

  it.each(["native", "pam"])("does not exist in %s", (folder) => {
    const includes = includesOf(folder);
    expect(includes.size).toBeGreaterThan(0);
    expect(findCircles(includes)).toEqual([]);
  });

  it("cannot hide behind a header of several sources: in pam each source has its own", () => {
    const hooks = ["pam/authenticate.c", "pam/pam_guest.c"];
    const sources = files.filter((name) => /^pam\/.*\.c$/.test(name) && !hooks.includes(name));
    const without = sources.filter((name) => !readProjectFile(name).includes(`#include "${basename(name, ".c")}.h"`));
    expect(without).toEqual([]);
  });
});
