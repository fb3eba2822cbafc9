// When something happened.

export interface Moment {
  /** Milliseconds since the epoch. */
  readonly now: number;
  /** Microseconds of the monotonic clock. */
  readonly uptime: number;
}
