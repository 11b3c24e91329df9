import { isStatectlError } from '../../../error.ts';
import { readVariables, type Variables } from '../../../protocol/variables/variables-file.ts';
import { writtenText } from '../../../protocol/variables/written-text.ts';

/** Klipper truncates the file and writes it anew: one that changes no more for so long was written. */
export const STILL_MS = 100;
/** Klipper removes no variable. Where one is away for so long, somebody else did. */
export const LACKING_MS = 2_000;

/** What was found at the path. */
export type Found =
  | { readonly kind: 'file'; readonly text: string; readonly bytes: Buffer; readonly mtimeMs: number }
  | { readonly kind: 'missing' }
  /** Nothing to be read, and why. */
  | { readonly kind: 'bad'; readonly why: string };

/** What is to be made of it. */
export type Verdict =
  | { readonly is: 'wait'; readonly ms: number }
  | { readonly is: 'same' }
  | { readonly is: 'new'; readonly variables: Variables; readonly lost: readonly string[] }
  | { readonly is: 'fault'; readonly why: string };

/** What counted last. */
export interface Known {
  readonly text: string | null;
  readonly literals: ReadonlyMap<string, string>;
}

/** Whether both are the same file, unchanged. */
export const isSame = (a: Found, b: Found): boolean =>
  a.kind === 'file' && b.kind === 'file'
    ? a.mtimeMs === b.mtimeMs && a.text === b.text
    : a.kind === b.kind && (a.kind !== 'bad' || b.kind !== 'bad' || a.why === b.why);

/**
 * Whether what was found counts, given for how long it stands still. One that Klipper wrote to its end does so at once: what is cut
 * off lacks the empty line that is its end. An empty file never takes the place of one that has something. Pure.
 */
export function judgeRead(found: Found, stillMs: number, known: Known, path: string): Verdict {
  const after = (ms: number, verdict: Verdict): Verdict =>
    stillMs >= ms ? verdict : { is: 'wait', ms: Math.max(1, ms - stillMs) };
  const had = known.literals.size;
  const empty: Verdict =
    had === 0
      ? { is: 'same' }
      : {
          is: 'fault',
          why: `${path} is ${found.kind === 'missing' ? 'gone' : 'empty'}: the ${had} variables that it had are kept, and are given back at the next boot`,
        };
  if (found.kind === 'bad') return after(STILL_MS, { is: 'fault', why: found.why });
  if (found.kind === 'missing') return after(LACKING_MS, empty);
  if (found.text === known.text) return { is: 'same' };
  const variables = readOrWhy(found.bytes, path);
  if (typeof variables === 'string') return after(STILL_MS, { is: 'fault', why: variables });
  if (variables.literals.size === 0) return after(LACKING_MS, empty);
  const lost = [...known.literals.keys()].filter((key) => !variables.literals.has(key));
  const counts: Verdict = { is: 'new', variables, lost };
  if (lost.length > 0) return after(LACKING_MS, counts);
  return found.text === writtenText(variables.literals) ? counts : after(STILL_MS, counts);
}

function readOrWhy(bytes: Buffer, path: string): Variables | string {
  try {
    return readVariables(bytes, path);
  } catch (error) {
    if (isStatectlError(error)) return error.message;
    throw error;
  }
}
