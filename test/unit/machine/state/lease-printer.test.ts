import { expect, it } from 'vitest';
import type { AskState } from '../../../../src/machine/state/ask-state.ts';
import { leasePrinter } from '../../../../src/machine/state/lease-printer.ts';

const { signal } = new AbortController();
const HEAD = { id: '00000001-20261130T060000Z' };

const answering =
  (answer: object): AskState =>
  async () => ({
    status: 200,
    headers: {},
    body: (async function* () {
      yield Buffer.from(JSON.stringify(answer));
    })(),
  });
const dead: AskState = async () => {
  throw new Error('connect ECONNREFUSED');
};
const full = answering({ lease: 3, items: { database: HEAD } });
const empty = answering({ lease: 1, items: { database: null } });
const lease = (...servers: readonly AskState[]) =>
  leasePrinter(
    'voron',
    'b0000000-1',
    servers.map((ask, at) => [`http://${'abc'[at]}`, ask] as const),
    signal,
  );

it('the first server that has any state gives the lease, whoever is asked before it', async () => {
  expect(await lease(empty, dead, full)).toMatchObject({ server: 'http://c', lease: 3, heads: { database: HEAD } });
  expect(await lease(full, empty)).toMatchObject({ server: 'http://a', lease: 3 });
});

it('a server that has nothing counts where all were asked, and not while one is away that may have it', async () => {
  expect(await lease(empty, empty)).toMatchObject({ server: 'http://a', lease: 1 });
  const alone = await lease(empty, dead);
  expect(alone).toMatchObject({ lease: 0, heads: {}, why: 'http://b: connect ECONNREFUSED' });
  expect(alone).not.toHaveProperty('server');
});

it('without a server, and with an answer that is none, the boot is a branch and says why', async () => {
  expect(await lease()).toEqual({ lease: 0, heads: {}, why: 'no server answers' });
  expect(await lease(answering({ lease: 'one' }))).toMatchObject({
    lease: 0,
    why: expect.stringContaining('http://a'),
  });
});

it('a machine that is known by its network alone reads, and is told that it is a branch', async () => {
  expect(await lease(answering({ lease: 0, items: { database: HEAD } }))).toMatchObject({
    lease: 0,
    heads: { database: HEAD },
    why: expect.stringContaining('by its network alone'),
  });
});
