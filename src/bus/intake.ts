// Filters messages by their heads before dbus-next parses them: 31 MiB of variants take 20 s and 3 GB.
import type { MessageHead } from "./message-head.ts";
import { FIXED_BYTES, METHOD_CALL, readHead, readLengths, SIGNAL } from "./message-head.ts";

export type Judge = (head: MessageHead) => boolean;

/** Enough for names, a path and a signature. */
const MOST_HEAD_BYTES = 16 * 1024;
/** For names, or the path of a logind session. Before guestd owns its name, any process may send signals. */
const SIGNAL_SIGNATURE = /^[so]{1,3}$/;
const MOST_SIGNAL_BYTES = 4 * 1024;
/** Enough for logind's list of sessions, the longest answer. Only called services can answer. */
const MOST_ANSWER_BYTES = 4 * 1024 * 1024;

/** net.Socket pushes what it has read; an intake intercepts that. */
export interface Pushing {
  push: (chunk: Buffer | null) => boolean;
}

export class Intake {
  #judgeCall: Judge = () => false;
  #state: "greeting" | "head" | "letting-in" | "dropping" = "greeting";
  #begun = Buffer.alloc(0);
  /** Of the body still to come. */
  #left = 0;
  readonly #mostAnswerBytes: number;

  constructor(mostAnswerBytes = MOST_ANSWER_BYTES) {
    this.#mostAnswerBytes = mostAnswerBytes;
  }

  judgeCalls(judge: Judge): void {
    this.#judgeCall = judge;
  }

  get isAtWork(): boolean {
    return this.#state !== "greeting";
  }

  guard(stream: Pushing): void {
    const push = stream.push.bind(stream);
    stream.push = (chunk) => {
      if (chunk === null) return push(chunk);
      const passed = this.pass(chunk);
      return passed.length === 0 || push(passed);
    };
  }

  /** @returns the bytes that pass */
  pass(chunk: Buffer): Buffer {
    const passed: Buffer[] = [];
    for (let rest = chunk; rest.length > 0;) {
      const { taken, out } = this.#step(rest);
      if (out.length > 0) passed.push(out);
      rest = rest.subarray(taken);
    }
    return passed.length === 1 && passed[0] !== undefined ? passed[0] : Buffer.concat(passed);
  }

  #step(bytes: Buffer): { readonly taken: number; readonly out: Buffer } {
    switch (this.#state) {
      case "greeting":
        return this.#passGreeting(bytes);
      case "head":
        return this.#takeHead(bytes);
      case "letting-in":
      case "dropping":
        return this.#passBody(bytes);
      default:
        return this.#state satisfies never;
    }
  }

  // The bus sends lines first. The last is OK, as guestd asks for no descriptors.
  #passGreeting(bytes: Buffer) {
    const newline = bytes.indexOf("\n");
    const taken = newline < 0 ? bytes.length : newline + 1;
    const out = bytes.subarray(0, taken);
    this.#begun = Buffer.concat([this.#begun, out]);
    if (newline >= 0) {
      if (this.#begun.toString("latin1").startsWith("OK ")) this.#state = "head";
      this.#begun = Buffer.alloc(0);
    }
    return { taken, out };
  }

  #takeHead(bytes: Buffer) {
    const needed = headBytes(this.#begun) - this.#begun.length;
    const taken = Math.min(needed, bytes.length);
    this.#begun = Buffer.concat([this.#begun, bytes.subarray(0, taken)]);
    const whole = this.#begun;
    if (whole.length < headBytes(whole)) return { taken, out: Buffer.alloc(0) };
    this.#begun = Buffer.alloc(0);
    const { fieldsBytes, bodyBytes } = readLengths(whole);
    const isLetIn = isHeadWhole(whole) && this.#isLetIn(readHead(whole));
    this.#left = bodyBytes + (isHeadWhole(whole) ? 0 : fieldsBytes);
    this.#state = this.#left === 0 ? "head" : isLetIn ? "letting-in" : "dropping";
    return { taken, out: isLetIn ? whole : Buffer.alloc(0) };
  }

  #passBody(bytes: Buffer) {
    const taken = Math.min(this.#left, bytes.length);
    const out = this.#state === "letting-in" ? bytes.subarray(0, taken) : Buffer.alloc(0);
    this.#left -= taken;
    if (this.#left === 0) this.#state = "head";
    return { taken, out };
  }

  #isLetIn(head: MessageHead | undefined): boolean {
    if (head === undefined) return false;
    const { type, bodyBytes, signature } = head;
    if (type === METHOD_CALL) return this.#judgeCall(head);
    if (type === SIGNAL) return bodyBytes <= MOST_SIGNAL_BYTES && SIGNAL_SIGNATURE.test(signature);
    return bodyBytes <= this.#mostAnswerBytes;
  }
}

/** How many bytes are needed to judge a message that has begun so. */
function headBytes(begun: Buffer): number {
  if (begun.length < FIXED_BYTES) return FIXED_BYTES;
  const { fieldsBytes } = readLengths(begun);
  // Too long a head is rejected at once.
  return fieldsBytes > MOST_HEAD_BYTES ? FIXED_BYTES : FIXED_BYTES + fieldsBytes;
}

const isHeadWhole = (bytes: Buffer): boolean => bytes.length === FIXED_BYTES + readLengths(bytes).fieldsBytes;
