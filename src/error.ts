/**
 * The one error an operator sees. `message` says what went wrong and why, `hint` what to do next;
 * `code` is stable and documented, so scripts and tests may rely on it.
 */
export class StatectlError extends Error {
  readonly code: string;
  readonly hint: string | undefined;

  /** The hint of another error is passed on as it is, also where it has none. */
  constructor(
    code: string,
    message: string,
    options: { readonly cause?: unknown; readonly hint?: string | undefined } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'StatectlError';
    this.code = code;
    this.hint = options.hint;
  }
}

/** By its name: the executable holds this class twice, for a boot and for what it loads on demand. */
export const isStatectlError = (error: unknown): error is StatectlError =>
  error instanceof Error && error.name === 'StatectlError';

/** The message of anything thrown, for a sentence that goes on. */
export const reasonOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
