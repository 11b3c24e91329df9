import { entryOf } from '../../entry-of.ts';

/** What to send of a file that never changes under its name: RFC 9110 §13 (conditions) and §14 (ranges). */
export type Transfer =
  | { readonly kind: 'not-modified' }
  | { readonly kind: 'whole' }
  | { readonly kind: 'unsatisfiable' }
  /** Both inclusive. */
  | { readonly kind: 'part'; readonly start: number; readonly end: number };

export interface TransferRequest {
  readonly method: string;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
}

/** Weak comparison: `W/"x"` is `"x"` here, as §13.1.2 wants it for If-None-Match. */
const lists = (header: string, etag: string): boolean =>
  header.trim() === '*' || header.split(',').some((entry) => entry.trim().replace(/^W\//, '') === etag);

function rangeOf(header: string, sizeBytes: number): Transfer {
  // Several ranges, other units and nonsense may all be ignored (§14.2); nobody who boots asks for them.
  const [, first = '', last = ''] = /^bytes=\s*(\d*)-(\d*)\s*$/.exec(header) ?? [];
  if (first === '' && last === '') return { kind: 'whole' };
  const [from, to] = [Number(first), Number(last)];
  if (first === '') {
    const start = Math.max(0, sizeBytes - to);
    return to === 0 || sizeBytes === 0 ? { kind: 'unsatisfiable' } : { kind: 'part', start, end: sizeBytes - 1 };
  }
  if (last !== '' && to < from) return { kind: 'whole' };
  if (from >= sizeBytes) return { kind: 'unsatisfiable' };
  return { kind: 'part', start: from, end: last === '' ? sizeBytes - 1 : Math.min(to, sizeBytes - 1) };
}

export function planTransfer({ method, headers }: TransferRequest, etag: string, sizeBytes: number): Transfer {
  const header = (name: string) => {
    const value: unknown = entryOf(headers, name);
    return typeof value === 'string' ? value : undefined;
  };
  const known = header('if-none-match');
  if (known !== undefined && lists(known, etag)) return { kind: 'not-modified' };
  const range = header('range');
  // A Range is for GET alone; one under another ETag, or a date (no Last-Modified is ever sent), asks for the whole file.
  if (range === undefined || method !== 'GET' || (header('if-range') ?? etag) !== etag) return { kind: 'whole' };
  return rangeOf(range, sizeBytes);
}
