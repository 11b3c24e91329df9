import { constants } from 'node:os';

/** An answer that is an errno(3). */
export class Refused extends Error {
  readonly errno: number;
  constructor(code: keyof typeof constants.errno) {
    super(code);
    // As node:fs has it.
    this.errno = -constants.errno[code];
  }
}

/** The errno of what was thrown here or by node:fs; what else went wrong is an error of reading. */
export const errnoOf = (error: unknown): number => {
  const { errno } = error as { readonly errno?: unknown };
  return typeof errno === 'number' && errno < 0 ? -errno : constants.errno.EIO;
};
