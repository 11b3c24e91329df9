import { createHash, randomBytes } from 'node:crypto';
import type { TokenAnswer } from '../../protocol/enrolment.ts';

const LIFETIME_MS = 10 * 60_000;
/** Of nodes that trust the network: an admin's own list bounds it. */
const TOKEN_BYTES = 24;

interface Outstanding {
  readonly hash: string;
  readonly remote: string;
  readonly untilMs: number;
}

/** What `take` gives. */
export type TokenTaken = TokenAnswer | { readonly alarm: string };

/**
 * Tokens that are handed out over plain HTTP: random, for one use, for minutes. They prove presence on the network only. One
 * is outstanding for a node; when another address asks meanwhile, somebody pretends: both lose.
 */
export interface BootTokens {
  take(node: string, remote: string): TokenTaken;
  /** True when it was the token of this node and counted; it is spent either way. */
  spend(token: string, node: string | undefined): boolean;
}

export function bootTokens(now: () => number): BootTokens {
  const outstanding = new Map<string, Outstanding>();
  const hashOf = (token: string) => createHash('sha256').update(token).digest('hex');
  const valid = (node: string) => {
    const entry = outstanding.get(node);
    if (entry && entry.untilMs > now()) return entry;
    outstanding.delete(node);
    return undefined;
  };
  return {
    take(node, remote) {
      const before = valid(node);
      if (before && before.remote !== remote) {
        outstanding.delete(node);
        return { alarm: `${before.remote} and ${remote} both say that they are ${node}: neither gets a token` };
      }
      const token = randomBytes(TOKEN_BYTES).toString('base64url');
      outstanding.set(node, { hash: hashOf(token), remote, untilMs: now() + LIFETIME_MS });
      return { token };
    },
    spend(token, node) {
      const hash = hashOf(token);
      const [owner] = [...outstanding].find(([, entry]) => entry.hash === hash) ?? [];
      if (owner === undefined) return false;
      const counts = valid(owner) !== undefined && owner === node;
      outstanding.delete(owner);
      return counts;
    },
  };
}
