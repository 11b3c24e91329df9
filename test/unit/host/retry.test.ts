import { expect, it } from 'vitest';
import { StatectlError } from '../../../src/error.ts';
import { memoryHost } from '../../../src/host/memory.ts';
import { type Attempt, retry } from '../../../src/host/retry.ts';

const failTimes =
  (times: number, error: unknown = new Error('down')) =>
  async (attempt: number) => {
    if (attempt <= times) throw error;
    return `attempt ${attempt}`;
  };

it('tries again until it works, and says which attempt of how many failed', async () => {
  const { clock } = memoryHost();
  const seen: string[] = [];
  const onRetry = ({ attempt, of, error }: Attempt) => seen.push(`${attempt}/${of} ${(error as Error).message}`);
  const result = await retry(clock, { tries: 5, baseMs: 100, maxMs: 1000, onRetry }, failTimes(2));
  expect(result).toBe('attempt 3');
  expect(seen).toEqual(['1/5 down', '2/5 down']);
});

it("throws the last attempt's error when all attempts failed", async () => {
  const { clock } = memoryHost();
  const attempts: number[] = [];
  const task = async (attempt: number) => {
    attempts.push(attempt);
    throw new Error(`failure ${attempt}`);
  };
  await expect(retry(clock, { tries: 3, baseMs: 1, maxMs: 10 }, task)).rejects.toThrow('failure 3');
  expect(attempts).toEqual([1, 2, 3]);
});

it('waits at most twice as long after each failure, up to the limit, and sleeps what it says', async () => {
  const { clock } = memoryHost();
  const highest = { sleep: clock.sleep, random: () => 0.999999 };
  const waits: number[] = [];
  const onRetry = ({ waitMs }: Attempt) => waits.push(waitMs);
  await retry(highest, { tries: Number.POSITIVE_INFINITY, baseMs: 100, maxMs: 500, onRetry }, failTimes(5));
  expect(waits).toEqual([100, 200, 400, 500, 500]);
  expect(clock.uptimeMs()).toBe(1700);
});

it('draws its waits from the whole span, so that machines do not come back together', async () => {
  const { clock } = memoryHost();
  const waits: number[] = [];
  const onRetry = ({ waitMs }: Attempt) => waits.push(waitMs);
  await retry(clock, { tries: 201, baseMs: 1000, maxMs: 1000, onRetry }, failTimes(200));
  expect(Math.min(...waits)).toBeLessThan(50);
  expect(Math.max(...waits)).toBeGreaterThan(950);
});

it('runs through three hours of back-off in an instant', async () => {
  const { clock } = memoryHost();
  const task = async () => {
    if (clock.uptimeMs() < 3 * 3600_000) throw new Error('down');
  };
  const startMs = performance.now();
  await retry(clock, { tries: Number.POSITIVE_INFINITY, baseMs: 500, maxMs: 30_000 }, task);
  expect(performance.now() - startMs).toBeLessThan(1000);
});

it('gives up at once on what another attempt cannot mend', async () => {
  const { clock } = memoryHost();
  const error = new StatectlError('url-invalid', 'the address is not a URL');
  await expect(retry(clock, { tries: 9, baseMs: 1000, maxMs: 1000 }, failTimes(9, error))).rejects.toBe(error);
  const giveUp = (thrown: unknown) => thrown instanceof TypeError;
  const mistake = new TypeError('mistake');
  await expect(retry(clock, { tries: 9, baseMs: 1000, maxMs: 1000, giveUp }, failTimes(9, mistake))).rejects.toBe(
    mistake,
  );
  expect(clock.uptimeMs()).toBe(0);
});

it('stops waiting when it is told to', async () => {
  const { clock } = memoryHost();
  const abort = new AbortController();
  void clock.sleep(10_000).then(() => abort.abort(new Error('shutting down')));
  const options = { tries: Number.POSITIVE_INFINITY, baseMs: 60_000, maxMs: 60_000, signal: abort.signal };
  await expect(retry({ ...clock, random: () => 0.9 }, options, failTimes(99))).rejects.toThrow('shutting down');
  expect(clock.uptimeMs()).toBe(10_000);
});
