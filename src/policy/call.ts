// A bus call that waits for an answer, by its number (bus/pending.ts).
export type CallId = number;
