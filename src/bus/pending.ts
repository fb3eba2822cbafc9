// The calls that wait for an answer, by number: the policy knows numbers, the bus knows whom to answer.
import type { Answer } from "../policy/answer.ts";
import type { CallId } from "../policy/call.ts";

export class PendingCalls {
  readonly #waiting = new Map<CallId, (answer: Answer) => void>();
  #last: CallId = 0;

  /** A new call, and the promise of its answer. */
  add(): { readonly call: CallId; readonly answer: Promise<Answer> } {
    const call = ++this.#last;
    const answer = new Promise<Answer>((resolve) => {
      this.#waiting.set(call, resolve);
    });
    return { call, answer };
  }

  /** Answers a call; one that was answered already, or came with an earlier guestd, is passed over. */
  answer(call: CallId, answer: Answer): void {
    this.#waiting.get(call)?.(answer);
    this.#waiting.delete(call);
  }
}
