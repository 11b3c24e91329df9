import { expect, it } from 'vitest';
import { keepAlive } from '../../../../src/agent/health/keep-alive.ts';
import { memoryHost } from '../../../../src/host/memory.ts';

const CYCLE = { cycle: 17, bootId: '3f2a91c0-0000-4000-8000-000000000017' };
const ALIVE = '/user-data/persistent/statectl/cycle/alive.json';

/** When the disk was written, in seconds of uptime, within three hours. */
async function stamps(startsAtMs: number, capacityBytes?: number) {
  const host = memoryHost(capacityBytes === undefined ? {} : { capacityBytes });
  const { clock, files } = host;
  const end = new AbortController();
  const atSeconds: number[] = [];
  const write: typeof files.write = async (path, ...rest) => {
    atSeconds.push(clock.uptimeMs() / 1000);
    await files.write(path, ...rest);
  };
  const startedMs = () => (clock.uptimeMs() >= startsAtMs ? startsAtMs : undefined);
  const kept = keepAlive({ ...host, files: { ...files, write } }, { cycle: CYCLE, sinceMs: 0, startedMs }, end.signal);
  const ended = kept.catch(() => {});
  await clock.sleep(3 * 60 * 60_000);
  end.abort(new Error('the test is over'));
  await ended;
  return { atSeconds, host };
}

it('the disk is stamped every 30 s until the system counts as started, and once more an hour later', async () => {
  const { atSeconds, host } = await stamps(100_000);
  expect(atSeconds).toEqual([0, 30, 60, 90, 3700]);
  expect(JSON.parse(await host.files.readText(ALIVE))).toMatchObject({
    ...CYCLE,
    uptimeMs: 3_700_000,
    gateMs: 3_700_000,
  });
});

it('a disk that takes nothing is told once, and tried again', async () => {
  const { atSeconds, host } = await stamps(100_000, 10);
  expect(atSeconds).toHaveLength(5);
  expect(host.lines.map(({ text }) => text)).toEqual([
    expect.stringContaining('the sign of life of this boot is not on the disk: ENOSPC'),
  ]);
});
