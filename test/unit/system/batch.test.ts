import { describe, expect, it } from "vitest";
import { Batch } from "../../../src/system/batch.ts";

/** Looks end on demand, and double their questions. */
function batchOf(most?: number) {
  const looks: (readonly number[])[] = [];
  const ends: ((error?: Error) => void)[] = [];
  const batch = new Batch((questions: readonly number[]) => {
    looks.push(questions);
    return new Promise<number[]>((resolve, reject) => {
      ends.push((error) => {
        if (error === undefined) resolve(questions.map((question) => 2 * question));
        else reject(error);
      });
    });
  }, most);
  return { batch, looks, ends };
}

const nextLook = (looks: readonly unknown[], count: number) => expect.poll(() => looks.length).toBe(count);

describe("Batch", () => {
  it("answers all earlier questions with one look, and all later ones with the next", async () => {
    const { batch, looks, ends } = batchOf();
    const first = [1, 2].map((question) => batch.ask(question));
    await nextLook(looks, 1);
    const late = [3, 4, 5].map((question) => batch.ask(question));
    ends[0]?.();
    expect(await Promise.all(first)).toEqual([2, 4]);
    await nextLook(looks, 2);
    ends[1]?.();
    expect(await Promise.all(late)).toEqual([6, 8, 10]);
    expect(looks).toEqual([
      [1, 2],
      [3, 4, 5],
    ]);
  });

  it("answers at most so many with one look, in order", async () => {
    const { batch, looks, ends } = batchOf(2);
    const all = [1, 2, 3].map((question) => batch.ask(question));
    await nextLook(looks, 1);
    ends[0]?.();
    await nextLook(looks, 2);
    ends[1]?.();
    expect(await Promise.all(all)).toEqual([2, 4, 6]);
    expect(looks).toEqual([[1, 2], [3]]);
  });

  it("rejects all questions of a failed look, and looks again for the later ones", async () => {
    const { batch, looks, ends } = batchOf();
    const asked = Promise.allSettled([batch.ask(1), batch.ask(2)]);
    await nextLook(looks, 1);
    ends[0]?.(new Error("EAGAIN"));
    expect((await asked).map(({ status }) => status)).toEqual(["rejected", "rejected"]);
    const again = batch.ask(3);
    await nextLook(looks, 2);
    ends[1]?.();
    expect(await again).toBe(6);
  });

  it("gives each question its own answer", async () => {
    const batch = new Batch(() => Promise.resolve([1]));
    const asked = await Promise.allSettled([batch.ask("a"), batch.ask("b")]);
    expect(asked.map(({ status }) => status)).toEqual(["rejected", "rejected"]);
  });

  it("yields between two answers", async () => {
    const batch = new Batch((questions: readonly number[]) => Promise.resolve(questions));
    let rounds = 0;
    const count = () => {
      rounds++;
      if (rounds < 1000) setImmediate(count);
    };
    setImmediate(count);
    const seen = await Promise.all([1, 2, 3].map(async (question) => (await batch.ask(question), rounds)));
    expect(new Set(seen).size).toBe(3);
    rounds = 1000;
  });
});
