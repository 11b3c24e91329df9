import type { ItemStatus } from './item-status.ts';

/** How a config stands. Times are Unix ms. */
export interface ConfigStanding {
  /** What lies there and is not kept; `wasKept`: it was until now. */
  readonly left: readonly { readonly path: string; readonly why: string; readonly wasKept: boolean }[];
  /** Files that the server does not have yet. */
  readonly waiting: readonly string[];
  readonly sinceMs: number | undefined;
  readonly lastMs: number | undefined;
  readonly branch: { readonly branch: string; readonly why: string } | undefined;
  /** Why printer.cfg is not shipped. */
  readonly held: string | undefined;
  /** Why nothing is kept on this machine. */
  readonly unkept: string | undefined;
  /** What people pushed waits for the end of a print. */
  readonly staged: boolean;
  readonly failure: { readonly why: string; readonly isFault: boolean } | undefined;
}

const MOST_NAMED = 3;

/** Pure. */
export function configStatus(standing: ConfigStanding): ItemStatus {
  const { left, waiting, sinceMs, lastMs, branch, held, unkept, staged, failure } = standing;
  const isAhead = waiting.length > 0;
  // Links are often meant; of all else somebody thinks that it is kept.
  const isMissed = left.some(({ why, wasKept }) => wasKept || !why.startsWith('it is a symbolic link'));
  const words = [
    // A server that is away is no news where it has everything.
    ...(failure && (isAhead || failure.isFault) ? [failure.why] : []),
    ...(held === undefined ? [] : [held]),
    ...(unkept === undefined ? [] : [unkept]),
    ...(staged ? ['what people pushed waits for the end of the print'] : []),
    ...left.slice(0, MOST_NAMED).map(({ path, why }) => `${path} is not kept: ${why}`),
    ...(left.length > MOST_NAMED ? [`and ${left.length - MOST_NAMED} more`] : []),
  ];
  const told = {
    ...(isAhead && { ahead: waiting.slice(0, MOST_NAMED).join(', ') }),
    ...(sinceMs !== undefined && { sinceMs }),
    ...(lastMs !== undefined && { lastMs }),
    ...(words.length > 0 && { why: words.join('; ') }),
  };
  if (held !== undefined || isMissed || failure?.isFault === true) return { state: 'fault', ...told };
  if (isAhead) return { state: 'ahead', ...told };
  return branch ? { state: 'branch', ...told, ...branch } : { state: 'in-step', ...told };
}
