// Answers many questions with one look. No answer is older than its question.
import { setImmediate as nextRound } from "node:timers/promises";

/** Answers in the order of the questions. */
export type AnswerAll<Question, Answer> = (questions: readonly Question[]) => Promise<readonly Answer[]>;

interface Waiting<Question, Answer> {
  readonly question: Question;
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: unknown) => void;
}

export class Batch<Question, Answer> {
  readonly #answerAll: AnswerAll<Question, Answer>;
  readonly #most: number;
  readonly #waiting: Waiting<Question, Answer>[] = [];
  #isLooking = false;

  /** @param most questions per look, or the first would wait for all */
  constructor(answerAll: AnswerAll<Question, Answer>, most = 256) {
    this.#answerAll = answerAll;
    this.#most = most;
  }

  /** The look begins after this call. */
  ask(question: Question): Promise<Answer> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ question, resolve, reject });
      if (!this.#isLooking) void this.#work();
    });
  }

  async #work(): Promise<void> {
    this.#isLooking = true;
    // Collects all questions of this round of the event loop.
    await nextRound();
    while (this.#waiting.length > 0) await this.#answer(this.#waiting.splice(0, this.#most));
    this.#isLooking = false;
  }

  // Gives one answer per round of the event loop: what follows from all would block guestd.
  async #answer(asked: readonly Waiting<Question, Answer>[]): Promise<void> {
    try {
      const answers = await this.#answerAll(asked.map(({ question }) => question));
      if (answers.length !== asked.length) throw new Error("the look has not answered all questions");
      for (const [index, { resolve }] of asked.entries()) {
        resolve(answers[index] as Answer);
        await nextRound();
      }
    } catch (error) {
      for (const { reject } of asked) reject(error);
    }
  }
}
