import { expect, it } from 'vitest';
import { StatectlError } from '../../../../src/error.ts';
import { withDeadline } from '../../../../src/host/deadline.ts';
import { askedWaitMs, retryAfterMs, ServerBusyError, soonestBusy } from '../../../../src/host/http/server-busy.ts';
import { memoryHost } from '../../../../src/host/memory.ts';
import { retry } from '../../../../src/host/retry.ts';

it.each([
  ['7', 503, 7_000],
  [' 0 ', 503, 0],
  ['30', 429, 30_000],
  ['Fri, 20 Nov 2026 12:00:07 GMT', 503, 0],
  ['-5', 503, 0],
  ['1e9', 503, 0],
  ['99999999999999', 503, 0],
  ['7', 200, undefined],
  ['7', 301, undefined],
  [undefined, 503, undefined],
])('Retry-After: %s of an answer %i asks for %s ms', (header, status, ms) => {
  expect(retryAfterMs({ status, headers: header === undefined ? {} : { 'retry-after': header } })).toBe(ms);
});

it('of several busy servers the one that is free first is waited for', () => {
  const errors = [new Error('dead'), new ServerBusyError('a', 9_000), new ServerBusyError('b', 4_000)];
  expect(soonestBusy(errors)).toBe(errors[2]);
  expect(soonestBusy([new Error('dead')])).toBeUndefined();
  expect([askedWaitMs(errors[1]), askedWaitMs(errors[0]), askedWaitMs('text')]).toEqual([9_000, undefined, undefined]);
});

/** Waits of a machine whose server is busy so often. */
async function waits(askedMs: number, times = 200): Promise<readonly number[]> {
  const { clock } = memoryHost();
  const seen: number[] = [];
  await retry(
    clock,
    { tries: times + 1, baseMs: 500, maxMs: 15_000, onRetry: ({ waitMs }) => seen.push(waitMs) },
    async (attempt) => {
      if (attempt <= times) throw new ServerBusyError('busy', askedMs);
    },
  );
  return seen;
}

it('a busy server is not asked sooner than it wants, and not by all machines at the same moment', async () => {
  const seen = await waits(5_000);
  expect(Math.min(...seen)).toBeGreaterThanOrEqual(5_000);
  expect(Math.max(...seen)).toBeLessThanOrEqual(20_000);
  expect(new Set(seen).size).toBeGreaterThan(100);
});

it('and cannot make a machine wait for a day', async () => {
  expect(Math.max(...(await waits(86_400_000)))).toBeLessThanOrEqual(30_000);
});

it('nor for longer than the deadline of those who wait', async () => {
  const { clock } = memoryHost();
  const late = new StatectlError('server-slow', 'late');
  const waiting = withDeadline(clock, { ms: 3_000, error: late, signal: new AbortController().signal }, (signal) =>
    retry(clock, { tries: 8, baseMs: 500, maxMs: 15_000, signal }, async () => {
      throw new ServerBusyError('busy', 10_000);
    }),
  );
  await expect(waiting).rejects.toBe(late);
  expect(clock.uptimeMs()).toBe(3_000);
});
