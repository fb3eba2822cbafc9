// The number of a bus call that waits for an answer (bus/pending.ts).
export type CallId = number;
