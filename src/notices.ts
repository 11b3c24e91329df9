/** Under this name the executable holds its notices, as JSON compressed by brotli. */
export const NOTICES_ASSET = 'notices.json.br';

/** A part that somebody else wrote. */
export interface Part {
  readonly name: string;
  readonly version: string;
  /** As its package says it: an SPDX expression. */
  readonly licence: string;
  /** Its copyright notices, and the terms that have to be passed on with it. */
  readonly notice: string;
  /** What it has in it that others wrote; their notices are in `notice`. */
  readonly contains: readonly { readonly name: string; readonly licence: string }[];
}

/** What has to be passed on with `statectl`. */
export interface Notices {
  readonly name: string;
  readonly version: string;
  /** Of the project's own source. */
  readonly licence: string;
  /** Of the executable as a whole. */
  readonly whole: string;
  /** The text of GPL-3. */
  readonly terms: string;
  readonly parts: readonly Part[];
}
