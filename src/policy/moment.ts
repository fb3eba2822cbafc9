// When something happened.

export interface Moment {
  /** In milliseconds since the epoch. */
  readonly now: number;
  /** In microseconds of the monotonic clock. */
  readonly uptime: number;
}
