// HACKING.md's table of where a new thing belongs: exactly the files of a row contain its sample.
import { describe, expect, it } from "vitest";
import { listProjectFiles, readProjectFile } from "../helpers/tree.ts";

/** An existing thing. */
interface Sample {
  readonly row: string;
  /** Matches where such a thing is defined or mentioned. */
  readonly pattern: RegExp;
  /** Files that only use this sample. */
  readonly users?: readonly string[];
}

const SAMPLES: readonly Sample[] = [
  { row: "an effect", pattern: /limit\\?-login|limitLogin/, users: ["src/policy/opening.ts"] },
  {
    row: "an entry of the journal that is no effect",
    pattern: /switch\\?-rejected/,
    users: ["src/startup.ts"],
  },
  {
    row: "a field of a session that outlives guestd",
    pattern: /leased, published,|published: (boolean;|false|lease)|^RECORD_VERSION=/m,
  },
  { row: "a key of the configuration", pattern: /^#KeepReceipts=|KeepReceipts: key|^\\fBKeepReceipts=\\fR/m },
  { row: "a bus method", pattern: /row\("ReleaseLease"|<method name="ReleaseLease"|^\.B ReleaseLease$/m },
  { row: "a field of an answer to the module", pattern: /(\b|\\fB)ipc_inode\b/ },
  { row: "an option of the module", pattern: /"timeout="|^\\fBtimeout=\\fR/m },
  { row: "a class of things that a session can leave", pattern: /\bcoredumps\b/ },
  { row: "a cause of an end", pattern: /\bouter\\?-ended\b/ },
  {
    row: "a verb of guestctl",
    pattern: /name: "leases"|function leases\(|^\\fBleases\\fR$|compgen -W '.*\bleases\b/m,
  },
  { row: "an option of guestctl", pattern: /^ {2}failed: \{|\["failed"[,\]]|--failed|^\\fB\\-\\-failed\\fR$/m },
  { row: "a step, a kind of mount", pattern: /\bMqueueStep\b|kind(:| ==) "mqueue"/ },
  { row: "a polkit action that guests may use", pattern: /login1\.inhibit-delay-sleep/ },
  { row: "a polkit action that a key allows guests", pattern: /udisks2\.eject\\?-media/ },
];

const FOLDER = /^(src|native|pam|systemd|etc|packaging\/(man|completions|debian))\//;
const files = listProjectFiles();
const searched = files.filter((name) => FOLDER.test(name));

/** From the kind of thing to its files. A folder has its slash. */
const rows = new Map(
  (readProjectFile("HACKING.md").split("\n| I want to add | touch these files |\n")[1]?.split("\n\n")[0] ?? "")
    .split("\n")
    .slice(1)
    .map((line) => line.split(" | "))
    .map(([what = "", where = ""]) => [
      what.replace(/^\| /, ""),
      [...where.matchAll(/`([\w.-]+\/[\w./-]*)`/g)].map(([, path = ""]) => path),
    ]),
);

const isAt = (path: string) => (name: string) => (path.endsWith("/") ? name.startsWith(path) : name === path);

describe("the table of where a new thing belongs", () => {
  it("has a sample for each row", () => {
    expect([...rows.keys()].sort()).toEqual(SAMPLES.map(({ row }) => row).sort());
  });

  it.each([...rows])("%s names files that exist", (_, paths) => {
    expect(paths.length).toBeGreaterThan(0);
    expect(paths.filter((path) => !files.some(isAt(path)))).toEqual([]);
  });

  it.each(SAMPLES)("$row has a sample in the files it names, and in no other", ({ row, pattern, users = [] }) => {
    const found = searched.filter((name) => pattern.test(readProjectFile(name)));
    const paths = rows.get(row) ?? [];
    expect(paths.filter((path) => !found.some(isAt(path)))).toEqual([]);
    expect(found.filter((name) => !paths.some((path) => isAt(path)(name)))).toEqual(users);
  });
});
