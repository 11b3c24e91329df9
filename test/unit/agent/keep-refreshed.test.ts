import { expect, it } from 'vitest';
import type { Refreshed } from '../../../src/agent/agent.ts';
import { keepRefreshed } from '../../../src/agent/keep-refreshed.ts';
import { bell } from '../../../src/agent/servers/bell.ts';
import { memoryHost } from '../../../src/host/memory.ts';

const MINUTE = 60_000;
const answer = (state: Refreshed['state']): Refreshed => ({ state, applied: [], needsReboot: [], keptLocal: [] });

/** Which servers are asked when, in seconds, within an hour; each answers as `states` says, then well. */
async function asked(states: readonly Refreshed['state'][], isConnected: boolean, servers = ['http://a']) {
  const { clock } = memoryHost();
  const stop = new AbortController();
  const seen: { readonly server: string; readonly atMs: number }[] = [];
  const left = [...states];
  const running = keepRefreshed(
    {
      clock,
      servers: () => servers,
      bell: bell(clock),
      pollMs: () => MINUTE,
      isConnected: () => isConnected,
      refresh: async (server) => {
        seen.push({ server, atMs: clock.uptimeMs() });
        return answer(left.shift() ?? 'unchanged');
      },
      refreshed: async () => {},
    },
    stop.signal,
  );
  const ended = running.catch(() => {});
  await clock.sleep(60 * MINUTE);
  stop.abort();
  await ended;
  return seen;
}

it('a server that does not answer although its events come is asked again soon, and then as rarely as ever', async () => {
  const seen = await asked(['unreachable', 'unreachable'], true);
  expect(seen[2]?.atMs).toBeLessThanOrEqual(12_000);
  expect((seen[3]?.atMs ?? 0) - (seen[2]?.atMs ?? 0)).toBeGreaterThan(11 * MINUTE);
});

it('the others are asked before it is waited', async () => {
  const seen = await asked(['unreachable', 'unchanged'], true, ['http://a', 'http://b']);
  expect(seen.slice(0, 2)).toEqual([
    { server: 'http://a', atMs: 0 },
    { server: 'http://b', atMs: 0 },
  ]);
  expect(seen[2]?.atMs).toBeGreaterThan(11 * MINUTE);
});

it('without a connection all are asked as often as config.d says, and no more', async () => {
  const seen = await asked(Array(10).fill('unreachable'), false);
  for (const [at, { atMs }] of seen.entries())
    if (at > 0) expect(atMs - (seen[at - 1]?.atMs ?? 0)).toBeGreaterThan(44_000);
});
