import { senderOf } from './sender.ts';

/** Where machines were that showed a certificate that counts: in a crowd they go before who is not known there. */
export interface KnownSenders {
  hear(remote: string): void;
  has(sender: string): boolean;
}

/** More rooms than an installation has. Who was not heard for the longest time is forgotten first. */
const MOST_SENDERS = 20_000;

export function knownSenders(): KnownSenders {
  const senders = new Set<string>();
  const hear = (remote: string): void => {
    const sender = senderOf(remote);
    senders.delete(sender);
    senders.add(sender);
    const [oldest = ''] = senders;
    if (senders.size > MOST_SENDERS) senders.delete(oldest);
  };
  return { hear, has: (sender) => senders.has(sender) };
}
