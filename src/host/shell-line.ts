/** One argument as ash reads it. */
export const shellQuote = (word: string): string =>
  /^[A-Za-z0-9_@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;

/** An argument vector as an admin would type it. */
export const shellLine = (argv: readonly string[]): string => argv.map(shellQuote).join(' ');
