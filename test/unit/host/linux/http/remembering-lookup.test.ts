import type { LookupAddress } from 'node:dns';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { rememberingLookup } from '../../../../../src/host/linux/http/remembering-lookup.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const HERE: LookupAddress = { address: '192.0.2.1', family: 4 };
const THERE: LookupAddress = { address: '2001:db8::2', family: 6 };

/** A name server that answers when it is told to. */
function nameServer() {
  const asked: string[] = [];
  let answer: (name: string) => Promise<readonly LookupAddress[]> = async () => [HERE, THERE];
  let nowMs = 0;
  const lookup = rememberingLookup(
    (name) => {
      asked.push(name);
      return answer(name);
    },
    () => nowMs,
  );
  const addressOf = (name = 'server.lab') =>
    new Promise((resolve, reject) => lookup(name, {}, (error, address) => (error ? reject(error) : resolve(address))));
  return {
    ...{ asked, lookup, addressOf },
    answers: (next: typeof answer) => {
      answer = next;
    },
    pass: (ms: number) => {
      nowMs += ms;
    },
  };
}
const never = (): Promise<never> => new Promise(() => {});

it('a name is asked for once, whoever waits for it', async () => {
  const { asked, addressOf } = nameServer();
  expect(await Promise.all(Array.from({ length: 100 }, () => addressOf()))).toEqual(Array(100).fill('192.0.2.1'));
  await addressOf();
  expect(asked).toEqual(['server.lab']);
});

it('a dead name server is asked for each name once at a time, however often somebody comes again', async () => {
  const { asked, addressOf, answers } = nameServer();
  answers(never);
  for (let at = 0; at < 50; at += 1) void addressOf();
  void addressOf('other.lab');
  await vi.advanceTimersByTimeAsync(60_000);
  expect(asked).toEqual(['server.lab', 'other.lab']);
});

it('what was known counts where nobody answers, or says no', async () => {
  const { addressOf, answers, pass, asked } = nameServer();
  await addressOf();
  pass(61_000);
  answers(never);
  const late = addressOf();
  await vi.advanceTimersByTimeAsync(2_000);
  expect(await late).toBe('192.0.2.1');
  expect(asked).toHaveLength(2);
});

it('a name server that fails is as good as a dead one, and one that answers again counts', async () => {
  const { addressOf, answers, pass } = nameServer();
  await addressOf();
  pass(61_000);
  answers(() => Promise.reject(new Error('EAI_AGAIN')));
  expect(await addressOf()).toBe('192.0.2.1');
  answers(async () => [THERE]);
  expect(await addressOf()).toBe('2001:db8::2');
});

it('a name that nobody ever knew fails, and is asked for again', async () => {
  const { addressOf, answers } = nameServer();
  answers(() => Promise.reject(new Error('ENOTFOUND')));
  await expect(addressOf()).rejects.toThrow('ENOTFOUND');
  answers(async () => []);
  await expect(addressOf()).rejects.toThrow('getaddrinfo ENOTFOUND server.lab');
});

it('gives all addresses to who wants them', async () => {
  const { lookup } = nameServer();
  const all = await new Promise((resolve) => lookup('a', { all: true }, (_, addresses) => resolve(addresses)));
  expect(all).toEqual([HERE, THERE]);
});

it('remembers so many names and no more', async () => {
  const { addressOf, asked } = nameServer();
  for (let at = 0; at < 65; at += 1) await addressOf(`n${at}`);
  await addressOf('n64');
  await addressOf('n0');
  expect(asked).toHaveLength(66);
});
