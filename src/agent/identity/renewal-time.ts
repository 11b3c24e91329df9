/** Settings and secrets may change at any time: it costs nothing to look. */
const LOOK_MS = 10 * 60_000;
const SOONEST_RETRY_MS = 60_000;
const LATEST_RETRY_MS = 6 * 3_600_000;
/** A person is about to compare fingerprints. */
const PENDING_MS = 60_000;
/** Who was denied or revoked may be forgiven; it need not be noticed at once. */
const DENIED_MS = 15 * 60_000;

/** In [0, 1). */
type Random = () => number;

/** Machines that were renewed together do not come back together. */
const spread = (ms: number, random: Random): number => Math.round(ms * (1 + random() / 4));

/**
 * When a third of its life is gone, Unix ms. By the lifetime that config.d says: the certificate's own beginning is set back for
 * machines whose clock is slow.
 */
export const dueAtMs = (endsMs: number, lifetimeMs: number): number => endsMs - Math.ceil((lifetimeMs * 2) / 3);

/** The next look at a certificate that is not due. */
export const nextLookMs = (nowMs: number, dueMs: number, random: Random): number =>
  nowMs + spread(Math.max(SOONEST_RETRY_MS, Math.min(LOOK_MS, dueMs - nowMs)), random);

/** No server answered: sooner and sooner, the nearer the end is. Without a certificate there is nothing to lose any more. */
export function retryAtMs(nowMs: number, endsMs: number | undefined, random: Random): number {
  const leftMs = endsMs === undefined ? 0 : Math.max(0, endsMs - nowMs);
  const waitMs = endsMs === undefined ? LOOK_MS / 2 : leftMs / 16;
  return nowMs + spread(Math.min(LATEST_RETRY_MS, Math.max(SOONEST_RETRY_MS, waitMs)), random);
}

export const askAgainMs = (nowMs: number, state: 'pending' | 'denied', random: Random): number =>
  nowMs + spread(state === 'pending' ? PENDING_MS : DENIED_MS, random);
