import { describe, expect, it } from 'vitest';
import { type QueuedReport, reportQueue } from '../../../../src/agent/reports/report-queue.ts';
import { memoryHost } from '../../../../src/host/memory.ts';
import { failingHost } from '../../../fixtures/hosts/failing.ts';

const FOLDER = '/user-data/persistent/statectl/queue';
const numbered = (from: number, to: number): readonly QueuedReport[] =>
  Array.from({ length: to - from + 1 }, (_, index) => ({ id: `r${from + index}` }));

async function lab(limits = { reports: 5, bytes: 10_000 }) {
  const host = memoryHost({ files: { '/user-data/persistent/statectl': { type: 'dir' } } });
  const queue = reportQueue(host, FOLDER, limits);
  const sent: string[] = [];
  const post =
    (outcome: 'taken' | 'refused' | 'later' = 'taken') =>
    async ({ id }: QueuedReport) => {
      if (outcome === 'taken') sent.push(id);
      return outcome;
    };
  return { host, queue, sent, post, again: () => reportQueue(host, FOLDER, limits) };
}

describe('the queue of reports', () => {
  it('sends each once, in order, and forgets it', async () => {
    const { queue, sent, post } = await lab();
    for (const report of numbered(1, 4)) await queue.put(report);
    await queue.send(post());
    await queue.send(post());
    expect(await queue.status()).toMatchObject({ length: 0 });
    expect(sent).toEqual(['r1', 'r2', 'r3', 'r4']);
  });

  it('waits for the server, over a restart too, and keeps its order', async () => {
    const { queue, sent, post, again } = await lab();
    for (const report of numbered(1, 2)) await queue.put(report);
    await queue.send(post('later'));
    expect(await queue.status()).toMatchObject({ length: 2 });
    const next = again();
    await next.put({ id: 'r3' });
    await next.send(post());
    expect(sent).toEqual(['r1', 'r2', 'r3']);
  });

  it('has room for so many: the oldest go, and are counted', async () => {
    const { queue, sent, post } = await lab();
    for (const report of numbered(1, 12)) await queue.put(report);
    expect(await queue.status()).toMatchObject({ length: 5, dropped: 7 });
    await queue.send(post());
    expect(sent).toEqual(['r8', 'r9', 'r10', 'r11', 'r12']);
    expect(await queue.status()).toMatchObject({ length: 0, dropped: 7 });
  });

  it('has room for so many bytes', async () => {
    const { queue } = await lab({ reports: 100, bytes: 1000 });
    for (let index = 0; index < 20; index += 1) await queue.put({ id: `r${index}`, text: 'x'.repeat(200) });
    const { length, bytes, dropped } = await queue.status();
    expect([length, dropped]).toEqual([4, 16]);
    expect(bytes).toBeLessThanOrEqual(1000);
  });

  it('drops what the server will never take, and goes on with the next', async () => {
    const { queue, sent } = await lab();
    for (const report of numbered(1, 3)) await queue.put(report);
    await queue.send(async ({ id }) => {
      if (id === 'r2') return 'refused';
      sent.push(id);
      return 'taken';
    });
    expect(sent).toEqual(['r1', 'r3']);
    expect(await queue.status()).toMatchObject({ length: 0, dropped: 1 });
  });

  it('is not stopped by a file that a power cut left behind', async () => {
    const { host, queue, sent, post } = await lab();
    await queue.put({ id: 'r1' });
    await host.files.write(`${FOLDER}/000000000002.json`, '{"id": "r2');
    await queue.put({ id: 'r3' });
    await queue.send(post());
    expect(sent).toEqual(['r1', 'r3']);
  });

  it('loses none when the agent is killed at any instant; at worst the server is told twice', async () => {
    for (let at = 1; ; at += 1) {
      const { host, queue, post, sent, again } = await lab();
      for (const report of numbered(1, 2)) await queue.put(report);
      const failing = failingHost(host, { at, how: 'stop' });
      const dying = reportQueue(failing, FOLDER);
      await dying
        .put({ id: 'r3' })
        .then(() => dying.send(post()))
        .catch(() => {});
      const next = again();
      await next.send(post());
      expect([...new Set(sent)].slice(0, 2)).toEqual(['r1', 'r2']);
      expect(sent.length - new Set(sent).size).toBeLessThanOrEqual(1);
      expect((await next.status()).dropped).toBe(0);
      if (failing.effects < at) break;
    }
  });
});
