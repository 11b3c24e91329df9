import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { drives } from '../../../../src/commands/machine/drives.ts';
import type { Config } from '../../../../src/config/config.ts';
import { FACTS } from '../../../../src/machine/paths.ts';
import { createFacts } from '../../../fixtures/facts.ts';
import { type MemoryDisk, memoryDisk, memoryDisksHost } from '../../../fixtures/memory-disk.ts';

type Drive = Config['drives'][string];

const MIB = 2 ** 20;
const MAIN: Drive = {
  match: { id: 'virtio-D1', minSizeBytes: undefined, maxSizeBytes: undefined },
  make: 'empty',
  partitions: {
    data: { sizeBytes: MIB, type: 'btrfs' },
    'user-data': { sizeBytes: 'rest', type: 'ext4' },
  },
};

async function machine(disks: readonly MemoryDisk[], main: Drive = MAIN) {
  const host = memoryDisksHost(disks);
  const facts = createFacts();
  await host.files.mkdir('/run/statectl');
  await host.files.write(FACTS, JSON.stringify({ ...facts, config: { ...facts.config, drives: { main } } }));
  return host;
}

let out: string[] = [];
beforeEach(() => {
  out = [];
  for (const stream of [process.stdout, process.stderr])
    vi.spyOn(stream, 'write').mockImplementation((text) => out.push(String(text)) > 0);
});
afterEach(() => void vi.restoreAllMocks());
const said = () => {
  const text = out.join('');
  out = [];
  return text;
};

/** With foreign data. */
function foreignDisk(): MemoryDisk {
  const disk = memoryDisk();
  disk.bytes.write('somebody’s', 5 * 512);
  return disk;
}

describe('statectl drives', () => {
  it('lists every disk, and what is on it', async () => {
    const host = await machine([memoryDisk(), memoryDisk({ serial: 'D2' })]);
    expect(await drives(host, [])).toBe(0);
    expect(said()).toBe(
      `DRIVE  DISK       NOW       SIZE     STATE
main   virtio-D1  /dev/vd0  0.0 GiB  empty
-      virtio-D2  /dev/vd1  0.0 GiB  no drive of drives.conf
`,
    );
    expect(await drives(host, ['list', '--json'])).toBe(0);
    expect(JSON.parse(said())).toMatchObject([{ drive: 'main', state: 'empty', serial: 'D1' }, { serial: 'D2' }]);
  });

  it('plan shows each step with its command and touches nothing', async () => {
    const disk = memoryDisk();
    expect(await drives(await machine([disk]), ['plan', 'main'])).toBe(0);
    expect(said()).toMatch(/^# drive main: partition virtio-D1: data, user-data\nprintf %s 'label: gpt\n/);
    expect(disk.bytes.every((byte) => byte === 0)).toBe(true);
  });

  it('apply does all that is to be done, and then nothing', async () => {
    const host = await machine([memoryDisk()]);
    expect(await drives(host, ['apply'])).toBe(0);
    expect(said()).toBe(`drive main: partition virtio-D1: data, user-data
drive main: btrfs data on partition 1 of virtio-D1
drive main: ext4 user-data on partition 2 of virtio-D1
`);
    expect(await drives(host, ['apply', 'main'])).toBe(0);
    expect(said()).toBe('');
    expect(await drives(host, ['plan'])).toBe(0);
    expect(said()).toBe('nothing is to be done\n');
  });

  it('a partition that drives.conf names no more stays, is told, and goes when its name is typed', async () => {
    const disk = memoryDisk();
    await drives(await machine([disk]), ['apply']);
    const { data: _data, ...rest } = MAIN.partitions;
    const less = await machine([disk], { ...MAIN, partitions: rest });
    said();
    expect(await drives(less, ['apply'])).toBe(0);
    await drives(less, []);
    expect(said()).toContain('data, user-data; no longer named: data');
    await expect(drives(less, ['delete', 'main', 'user-data', '--yes', 'user-data'])).rejects.toMatchObject({
      code: 'partition-named',
    });
    await expect(drives(less, ['delete', 'main', 'data'])).rejects.toMatchObject({ code: 'not-confirmed' });
    await expect(drives(less, ['delete', 'main', 'data', '--yes', 'dat'])).rejects.toMatchObject({
      code: 'not-confirmed',
    });
    said();
    await drives(less, []);
    expect(said()).toContain('no longer named: data');
    expect(await drives(less, ['delete', 'main', 'data', '--yes', 'data'])).toBe(0);
    said();
    await drives(less, []);
    expect(said()).toMatch(/ {2}user-data\n$/);
    await expect(drives(less, ['delete', 'main', 'data', '--yes', 'data'])).rejects.toMatchObject({
      code: 'partition-unknown',
    });
  });

  it('wipe makes a disk empty when the name of its drive is typed, whatever was on it', async () => {
    for (const disk of [foreignDisk(), memoryDisk()]) {
      await drives(await machine([disk]), ['apply']);
      const host = await machine([disk]);
      const before = Buffer.from(disk.bytes);
      await expect(drives(host, ['wipe', 'main', '--yes', 'virtio-D1'])).rejects.toMatchObject({
        code: 'not-confirmed',
      });
      expect(disk.bytes.equals(before)).toBe(true);
      expect(await drives(host, ['wipe', 'main', '--yes', 'main'])).toBe(0);
      said();
      await drives(await machine([disk]), []);
      expect(said()).toContain(' empty\n');
    }
  });

  it('`make: replace` counts where the name is typed, and never by itself', async () => {
    const disk = foreignDisk();
    const replace: Drive = { ...MAIN, make: 'replace', word: 'w1', match: { ...MAIN.match, serial: 'D1' } };
    const host = await machine([disk], replace);
    const before = Buffer.from(disk.bytes);
    expect(await drives(host, ['apply'])).toBe(0);
    expect(said()).toContain('`statectl drives apply main --yes main` replaces it, once');
    await expect(drives(host, ['apply', 'main', '--yes', 'other'])).rejects.toMatchObject({ code: 'usage' });
    await expect(drives(host, ['apply', '--yes', 'main'])).rejects.toMatchObject({ code: 'usage' });
    expect(disk.bytes.equals(before)).toBe(true);
    expect(await drives(host, ['apply', 'main', '--yes', 'main'])).toBe(0);
    expect(said()).toContain('partition virtio-D1 over what is there: data, user-data\n');
  });

  it('says by its exit status that something failed, in a sentence', async () => {
    const host = await machine([memoryDisk()]);
    const broken = { ...host, exec: { run: async () => ({ exitCode: 1, stdout: '', stderr: 'EIO\n' }) } };
    expect(await drives(broken, ['apply'])).toBe(1);
    expect(said()).toContain('drive main: virtio-D1: sfdisk could not write its table: EIO\n');
  });

  it.each([
    [['plan', 'other'], 'drive-unknown'],
    [['wipe'], 'usage'],
    [['delete', 'main'], 'usage'],
    [['lst'], 'usage'],
  ])('%j is refused', async (words, code) => {
    await expect(drives(await machine([memoryDisk()]), words)).rejects.toMatchObject({ code });
  });
});
