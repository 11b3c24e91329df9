import { type LookupAddress, type LookupAllOptions, lookup } from 'node:dns';
import type { LookupFunction } from 'node:net';

type Ask = (name: string, options: LookupAllOptions) => Promise<readonly LookupAddress[]>;

const askSystem: Ask = (name, options) =>
  new Promise((resolve, reject) =>
    lookup(name, options, (error, addresses) => (error ? reject(error) : resolve(addresses))),
  );

/** So long an answer is as good as a new one. */
const FRESH_MS = 60_000;
/** So long it is waited for a new one where there is one of before. */
const PATIENCE_MS = 2_000;
const MOST_NAMES = 64;

interface Known {
  readonly addresses: readonly LookupAddress[];
  readonly atMs: number;
}

/**
 * Names to addresses, for net.connect. getaddrinfo(3) stands in a thread for half a minute when no name server answers, and Node
 * has two for that: a name is asked for once at a time, whoever waits for it, and where nobody answers what was known last counts.
 */
export function rememberingLookup(ask: Ask = askSystem, now: () => number = () => performance.now()): LookupFunction {
  const known = new Map<string, Known>();
  const asking = new Map<string, Promise<readonly LookupAddress[]>>();

  const fresh = (key: string, name: string, options: LookupAllOptions): Promise<readonly LookupAddress[]> => {
    const running = asking.get(key);
    if (running) return running;
    const answer = ask(name, options)
      .then((addresses) => {
        known.delete(key);
        known.set(key, { addresses, atMs: now() });
        for (const oldest of known.keys()) if (known.size > MOST_NAMES) known.delete(oldest);
        return addresses;
      })
      .finally(() => asking.delete(key));
    asking.set(key, answer);
    return answer;
  };
  const addressesOf = async (name: string, options: LookupAllOptions): Promise<readonly LookupAddress[]> => {
    const key = JSON.stringify([name, options.family, options.hints]);
    const before = known.get(key);
    if (before && now() - before.atMs < FRESH_MS) return before.addresses;
    const answer = fresh(key, name, options);
    if (!before) return await answer;
    const late = Promise.withResolvers<readonly LookupAddress[]>();
    const timer = setTimeout(() => late.resolve(before.addresses), PATIENCE_MS);
    try {
      return await Promise.race([answer.catch(() => before.addresses), late.promise]);
    } finally {
      clearTimeout(timer);
    }
  };

  return (name, { all, ...options }, callback) => {
    addressesOf(name, { ...options, all: true }).then(
      (addresses) => {
        const [first] = addresses;
        if (all) callback(null, [...addresses]);
        else if (first) callback(null, first.address, first.family);
        else callback(Object.assign(new Error(`getaddrinfo ENOTFOUND ${name}`), { code: 'ENOTFOUND' }), '');
      },
      (error) => callback(error, ''),
    );
  };
}
