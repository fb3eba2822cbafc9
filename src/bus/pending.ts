// Calls that wait for an answer, by number.
import type { Answer } from "../policy/answer.ts";
import type { CallId } from "../policy/call.ts";

export class PendingCalls {
  readonly #waiting = new Map<CallId, (answer: Answer) => void>();
  #last: CallId = 0;

  add(): { readonly call: CallId; readonly answer: Promise<Answer> } {
    const call = ++this.#last;
    const answer = new Promise<Answer>((resolve) => {
      this.#waiting.set(call, resolve);
    });
    return { call, answer };
  }

  /** Ignores calls that were answered already or came to an earlier guestd. */
  answer(call: CallId, answer: Answer): void {
    this.#waiting.get(call)?.(answer);
    this.#waiting.delete(call);
  }
}
