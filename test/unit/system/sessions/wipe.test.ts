import { describe, expect, it } from "vitest";
import type { Swept } from "../../../../src/policy/receipt.ts";
import { wipeMemory } from "../../../../src/system/sessions/wipe.ts";

const SWEPT: readonly Swept[] = [
  { kind: "mounts", found: 0, removed: 0, left: [] },
  { kind: "open-files", found: 1, removed: 0, left: ["process 7 (sh) holds a file of it (descriptor)"] },
];
const MEMORY = { view: 9, ipc: 12, tmpfs: ["/tmp"], devices: ["0:51"] };

async function wipe(
  answers: readonly (number | Error)[],
  memory: Parameters<typeof wipeMemory>[1] = MEMORY,
  emptied: number | Error = 0,
) {
  const asked: unknown[][] = [];
  const namespaces: number[] = [];
  const emptyIpc = (fd: number) => {
    namespaces.push(fd);
    return emptied instanceof Error ? Promise.reject(emptied) : Promise.resolve(emptied);
  };
  const wipeView = (...args: unknown[]) => {
    const answer = answers[Math.min(asked.push(args), answers.length) - 1] ?? 0;
    return answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer);
  };
  const [mounts, files] = await wipeMemory({ wipeView, emptyIpc }, memory, SWEPT);
  expect(mounts).toEqual(SWEPT[0]);
  return { files, asked, namespaces };
}

describe("wiping the memory of a view", () => {
  it("reports why it could not, with the findings", async () => {
    const { files } = await wipe([new Error("setns: EPERM")]);
    expect(files).toMatchObject({ found: 2, left: [SWEPT[1]?.left[0], "the memory could not be wiped: setns: EPERM"] });
  });

  it("reports how much is still held, after two looks", async () => {
    const { files, asked } = await wipe([9_000_000, 70_000]);
    expect(files).toMatchObject({ found: 2, left: [SWEPT[1]?.left[0], "70000 bytes are still in use"] });
    expect(asked).toEqual([
      [9, ["/tmp"], ["0:51"], 5000],
      [9, ["/tmp"], ["0:51"], 5000],
    ]);
  });

  it.each<[string, number[], number]>([
    ["all was freed", [0], 1],
    ["only a file system's own overhead is left", [65_536], 1],
    ["what was in use is closed a moment later", [9_000_000, 0], 2],
  ])("reports nothing where %s", async (_title, answers, times) => {
    const { files, asked } = await wipe(answers);
    expect(files).toEqual(SWEPT[1]);
    expect(asked).toHaveLength(times);
  });

  it("reports why the IPC namespace could not be emptied", async () => {
    const { files } = await wipe([0], MEMORY, new Error("setns: EPERM"));
    expect(files).toMatchObject({ left: [SWEPT[1]?.left[0], "the memory could not be wiped: setns: EPERM"] });
  });

  it("empties the IPC namespace once, whatever was in it", async () => {
    const { files, namespaces } = await wipe([9_000_000, 0], MEMORY, 3);
    expect(files).toEqual(SWEPT[1]);
    expect(namespaces).toEqual([12]);
  });

  it("does nothing without a view and a namespace", async () => {
    const { files, asked, namespaces } = await wipe([0], { ...MEMORY, view: undefined, ipc: undefined });
    expect(files).toEqual(SWEPT[1]);
    expect([asked, namespaces]).toEqual([[], []]);
  });
});
