/** A time in a table, for people: UTC, to the minute. Pure. */
export const shownMinute = (time: number | string): string =>
  new Date(time).toISOString().slice(0, 16).replace('T', ' ');
