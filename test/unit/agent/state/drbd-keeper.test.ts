import { expect, it } from 'vitest';
import { keepDrbd } from '../../../../src/agent/state/drbd-keeper.ts';
import type { ItemStatus } from '../../../../src/agent/state/item-status.ts';
import type { KeeperContext } from '../../../../src/agent/state/keeper.ts';
import { memoryHost } from '../../../../src/host/memory.ts';
import type { StateItem } from '../../../../src/machine/state/restore.ts';

const PLACE = '/home/pi/db';
const PEER = '192.0.2.1:7900';
const VOLUME = {
  ...{ id: 'volume-1', resource: 'voron.db', peer: PEER, port: 7900, minor: 100, bytes: 32 << 20 },
  ...{ secret: 'ab'.repeat(30), loop: '/dev/loop3' },
};
const proc = (state: string) => `version: 8.4.11 (api:1/proto:86-101)\n100: ${state} A r-----\n    ns:0 oos:0\n`;
const ALONE = proc('cs:StandAlone ro:Primary/Unknown ds:UpToDate/DUnknown');

/** What is told while the kernel says one after the other of these, from each time the connection is taken up again on. */
async function toldOf(after: readonly string[], minutes: number): Promise<readonly ItemStatus[]> {
  const left = [...after];
  const end = new AbortController();
  const host = memoryHost({
    files: { '/proc/drbd': ALONE, [`${PLACE}/a`]: 'written' },
    programs: {
      async sh() {
        const next = left.shift();
        if (next !== undefined) await host.files.write('/proc/drbd', next);
        return undefined;
      },
    },
  });
  const told: ItemStatus[] = [];
  const clock = {
    ...host.clock,
    sleep: async (ms: number, signal?: AbortSignal) => {
      if (host.clock.uptimeMs() > minutes * 60_000) end.abort();
      await host.clock.sleep(ms, signal);
    },
  };
  const context = {
    host: { ...host, clock },
    printer: 'voron',
    item: { kind: 'drbd', name: 'db', path: PLACE },
    account: { uid: 1000, gid: 1000 },
    session: { printer: 'voron', boot: 'b', lease: 1, items: {} },
    began: { base: 'volume-1', volume: VOLUME },
    standing: { boot: 'b', lease: 1 },
    ask: () => Promise.reject(new Error('no server')),
    tell: (status: ItemStatus) => void told.push(status),
    isPrinting: () => false,
    ...{ apart: [], spool: '/run/spool' },
  } as unknown as KeeperContext<StateItem<'drbd'>>;
  await keepDrbd(context, end.signal).catch((error: unknown) => {
    if (!end.signal.aborted) throw error;
  });
  return told;
}

const STRANGER = expect.objectContaining({ why: expect.stringContaining('gave each other up; ') });

it.each([
  ['that gives it up again', ALONE],
  ['that does not even listen', proc('cs:WFConnection ro:Primary/Unknown ds:UpToDate/DUnknown')],
])('a volume that both sides gave up, with a server %s, is to be a branch after a minute', async (_title, then) => {
  expect(await toldOf([then, then, then], 0.8)).not.toContainEqual(STRANGER);
  expect(await toldOf([then, then, then], 2)).toContainEqual(STRANGER);
});

it('one whose server takes it up again is in step', async () => {
  const connected = proc('cs:Connected ro:Primary/Secondary ds:UpToDate/UpToDate');
  const told = await toldOf([ALONE, connected], 5);
  expect(told.at(-1)).toEqual({ state: 'in-step' });
  expect(told).not.toContainEqual(STRANGER);
});
