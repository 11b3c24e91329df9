import { expect, it } from 'vitest';
import { withDeadline } from '../../../src/host/deadline.ts';
import { memoryHost } from '../../../src/host/memory.ts';

const late = new Error('too late');
const never = new AbortController().signal;

it('lets a task that is quick enough end as it will', async () => {
  const { clock } = memoryHost();
  const limit = { ms: 1000, error: late, signal: never };
  await expect(withDeadline(clock, limit, async () => 'done')).resolves.toBe('done');
  await expect(withDeadline(clock, limit, async () => Promise.reject(new Error('failed')))).rejects.toThrow('failed');
  await clock.sleep(5000);
});

it('tells a task to stop when its time is over', async () => {
  const { clock } = memoryHost();
  const task = async (signal: AbortSignal) => clock.sleep(60_000, signal);
  await expect(withDeadline(clock, { ms: 1000, error: late, signal: never }, task)).rejects.toBe(late);
  expect(clock.uptimeMs()).toBe(1000);
});

it('tells it to stop when everything is to stop', async () => {
  const { clock } = memoryHost();
  const abort = new AbortController();
  void clock.sleep(10).then(() => abort.abort(new Error('shutting down')));
  const task = async (signal: AbortSignal) => clock.sleep(60_000, signal);
  for (const ms of [1000, Number.POSITIVE_INFINITY])
    await expect(withDeadline(clock, { ms, error: late, signal: abort.signal }, task)).rejects.toThrow('shutting down');
  expect(clock.uptimeMs()).toBe(10);
});
