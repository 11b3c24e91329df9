import assert from 'node:assert/strict';
import type { Sentence } from '../suite.ts';

export const clockSentences: readonly Sentence[] = [
  {
    title: 'clock: sleep takes its time on both clocks',
    async check({ host: { clock } }) {
      const [now, uptimeMs] = [clock.now(), clock.uptimeMs()];
      await clock.sleep(30);
      await clock.sleep(0);
      assert.ok(clock.uptimeMs() - uptimeMs >= 30);
      // The wall clock has whole milliseconds, and may be adjusted while we sleep.
      assert.ok(clock.now() - now >= 28);
      assert.ok(clock.now() > Date.UTC(2020));
    },
  },
  {
    title: 'clock: several sleepers wake in the order of their times',
    async check({ host: { clock } }) {
      const order: string[] = [];
      const sleep = async (name: string, ms: number) => {
        await clock.sleep(ms);
        order.push(name);
      };
      await Promise.all([sleep('late', 90), sleep('twice', 20).then(() => sleep('twice', 20)), sleep('soon', 5)]);
      assert.deepEqual(order, ['soon', 'twice', 'twice', 'late']);
    },
  },
  {
    title: "clock: an abort wakes a sleeper with the signal's reason",
    async check({ host: { clock } }) {
      const abort = new AbortController();
      void clock.sleep(20).then(() => abort.abort());
      await assert.rejects(clock.sleep(60_000, abort.signal), { name: 'AbortError' });
      await assert.rejects(clock.sleep(60_000, abort.signal), { name: 'AbortError' });
      const why = new Error('enough');
      await assert.rejects(clock.sleep(0, AbortSignal.abort(why)), why);
    },
  },
  {
    title: 'clock: random is in [0, 1) and not always the same',
    async check({ host: { clock } }) {
      const numbers = Array.from({ length: 50 }, () => clock.random());
      assert.ok(numbers.every((number) => number >= 0 && number < 1));
      assert.ok(new Set(numbers).size > 40);
    },
  },
];
