import { expect, it } from 'vitest';
import type { Files } from '../../../../src/host/host.ts';
import { memoryHost } from '../../../../src/host/memory.ts';
import { systemError } from '../../../../src/host/system-error.ts';
import { type PrinterState, printerState } from '../../../../src/server/state/printer-state.ts';
import { databaseTar, moonrakerDatabase, sha256 } from '../../../fixtures/state/moonraker-database.ts';
import { DATABASE_ITEM } from '../../../fixtures/state/printer-item.ts';

const BOOT = 'aaaaaaaa-0000-4000-8000-000000000001';
const NEXT_BOOT = 'bbbbbbbb-0000-4000-8000-000000000002';
const ASKER = {
  node: 'print01',
  proof: 'person',
  printer: { trust: 'proven', quotaBytes: 2 ** 30, gcodeQuotaBytes: 0, items: [DATABASE_ITEM] },
} as const;
const [FIRST, SECOND] = [['one'], ['one', 'two']].map((jobs) => databaseTar(moonrakerDatabase(jobs))) as [
  Buffer,
  Buffer,
];

/** A server whose disk is full, or breaks, when so many more effects were done. */
async function serverOf() {
  const host = memoryHost({
    files: {
      '/proc/self': { type: 'symlink', target: '7' },
      '/proc/7/stat': `7 (statectl) ${'0 '.repeat(20)}`,
      '/proc/7/ns/pid': { type: 'symlink', target: 'pid:[1]' },
      '/proc/sys/kernel/random/boot_id': 'x',
    },
  });
  let left = Number.POSITIVE_INFINITY;
  let code: 'ENOSPC' | 'EIO' = 'ENOSPC';
  const spend = (path: string): void => {
    left -= 1;
    if (left < 0) throw systemError(code, 'write', path);
  };
  const files: Files = {
    ...host.files,
    async write(path, data, options) {
      spend(path);
      await host.files.write(path, data, options);
    },
    async mkdir(path, mode) {
      spend(path);
      await host.files.mkdir(path, mode);
    },
    async rename(from, to) {
      spend(to);
      await host.files.rename(from, to);
    },
    async appendStream(path) {
      spend(path);
      const stream = await host.files.appendStream(path);
      return {
        ...stream,
        async write(chunk) {
          spend(path);
          await stream.write(chunk);
        },
        async close() {
          spend(path);
          await stream.close();
        },
      };
    },
  };
  const printers = printerState(
    { root: '/state', host: { ...host, files }, alarm: () => {}, free: async () => 1 },
    async () => ({ jobs: [] }),
    async () => undefined,
  );
  const breakAfter = (effects: number, how: typeof code = 'ENOSPC'): void => {
    left = effects;
    code = how;
  };
  return { printers, files: host.files, breakAfter };
}

const ship = (printers: PrinterState, tar: Buffer) =>
  printers.snapshot.ship(
    'voron',
    'database',
    { lease: 1, boot: BOOT, base: null, sha256: sha256(tar), takenAtMs: 0 },
    ASKER,
    (async function* () {
      for (let at = 0; at < tar.length; at += 16_384) yield tar.subarray(at, at + 16_384);
    })(),
  );

it.each(['ENOSPC', 'EIO'] as const)(
  'a disk that says %s at any effect loses nothing, and the same upload is taken later',
  async (code) => {
    let isWhole = false;
    let effects = 0;
    for (; !isWhole; effects += 1) {
      const { printers, files, breakAfter } = await serverOf();
      await printers.lease('voron', BOOT, ASKER);
      const first = await ship(printers, FIRST);
      breakAfter(effects, code);
      const failure = await ship(printers, SECOND).then(
        () => undefined,
        (error) => error,
      );
      isWhole = failure === undefined;
      breakAfter(Number.POSITIVE_INFINITY);
      if (code === 'ENOSPC' && failure) expect(failure).toMatchObject({ code: 'state-full', hint: expect.any(String) });
      expect(await files.list('/state/state/voron/incoming').catch(() => [])).toEqual([]);
      if (!isWhole) {
        const names = await files.list('/state/state/voron/line/database');
        expect(names).toEqual([`${first.id}.json`, `${first.id}.tar`]);
        const firstTar = await files.read(`/state/state/voron/line/database/${first.id}.tar`);
        expect(firstTar.equals(FIRST)).toBe(true);
      }
      const second = await ship(printers, SECOND);
      expect(second.on).toBe('line');
      const { items } = await printers.lease('voron', NEXT_BOOT, ASKER);
      expect(items.database).toMatchObject({ id: second.id, sha256: sha256(SECOND) });
    }
    // Folder, file, its parts, its end, number, place and record.
    expect(effects).toBeGreaterThan(8);
  },
);

it('a disk that is nearly full takes nothing more, before a byte of it is read', async () => {
  const host = memoryHost();
  const printers = printerState(
    { root: '/state', host, alarm: () => {}, free: async () => 0.04 },
    async () => ({
      jobs: [],
    }),
    async () => undefined,
  );
  await expect(ship(printers, FIRST)).rejects.toMatchObject({ code: 'state-full' });
  expect(host.calls).toEqual([]);
});
