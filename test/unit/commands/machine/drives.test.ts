import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { drives } from '../../../../src/commands/machine/drives.ts';
import type { Config } from '../../../../src/config/config.ts';
import type { Host } from '../../../../src/host/host.ts';
import { memoryHost } from '../../../../src/host/memory.ts';
import { diskGuid } from '../../../../src/machine/disks/guid.ts';
import { lookAtDrives } from '../../../../src/machine/disks/read-disk.ts';
import { reportedDisks } from '../../../../src/machine/disks/reported-disks.ts';
import { IDENTITY } from '../../../../src/machine/identity/identity.ts';
import { FACTS } from '../../../../src/machine/paths.ts';
import type { KeptDisks } from '../../../../src/protocol/disks.ts';
import { type MemoryDisk, memoryDisk, memoryDisksHost } from '../../../fixtures/disks/memory-disk.ts';
import { createFacts } from '../../../fixtures/facts.ts';

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

  describe('asks the server that this machine booted from', () => {
    /** What a server answers that knows the disk; `undefined`: it is away. */
    async function served(disk: MemoryDisk, main: Drive, kept: KeptDisks | undefined) {
      const host = await machine([disk], main);
      const facts = JSON.parse(await host.files.readText(FACTS));
      facts.bundle = { inForce: { server: 'http://boot.lab' } };
      await host.files.write(FACTS, JSON.stringify(facts));
      await host.files.mkdir(IDENTITY);
      for (const name of ['cert', 'key', 'ca']) await host.files.write(`${IDENTITY}/${name}.pem`, 'PEM');
      const asked: string[] = [];
      const http: Host['http'] = {
        async request(url) {
          asked.push(url);
          if (!kept) throw new Error('connect ECONNREFUSED');
          const answer = url.endsWith('/v1/tls') ? { port: 8443, name: 'server.statectl.internal' } : kept;
          return {
            status: 200,
            headers: {},
            body: (async function* () {
              yield Buffer.from(JSON.stringify(answer));
            })(),
          };
        },
      };
      return { host: { ...host, http }, asked };
    }
    /** A disk of ours as it was, and the same with both ends gone. */
    async function beheaded() {
      const disk = memoryDisk();
      const host = await machine([disk]);
      await drives(host, ['apply']);
      const { main } = await lookAtDrives(host, { main: MAIN });
      const { disks = {} } = reportedDisks({ drives: main ? { main } : {} });
      const whole = Buffer.from(disk.bytes);
      for (const at of [0, disk.sizeBytes - MIB]) disk.bytes.fill(0, at, at + MIB);
      said();
      return {
        disk,
        whole,
        kept: Object.fromEntries(Object.entries(disks).map(([id, one]) => [id, { ...one, guids: [one.table.guid] }])),
      };
    }

    it('for a table that is gone, and puts that back', async () => {
      const { disk, whole, kept } = await beheaded();
      const { host, asked } = await served(disk, MAIN, kept);
      expect(await drives(host, ['apply', 'main'])).toBe(0);
      expect(said()).toBe('drive main: partition virtio-D1: data, user-data\n');
      expect(disk.bytes.equals(whole)).toBe(true);
      expect(asked).toEqual(['http://boot.lab/v1/tls', 'https://boot.lab:8443/v1/disks']);
      // Of a disk that is whole nobody is asked.
      expect(await drives(host, ['apply', 'main'])).toBe(0);
      expect(asked).toHaveLength(2);
    });

    it('and where it is away, or knows nothing, leaves such a disk as it is', async () => {
      for (const known of [undefined, {}]) {
        const { disk } = await beheaded();
        const before = Buffer.from(disk.bytes);
        expect(await drives((await served(disk, MAIN, known)).host, ['apply', 'main'])).toBe(0);
        expect(said()).toContain('virtio-D1 is not touched: it has no partition table, but btrfs at 1048576 bytes');
        expect(disk.bytes.equals(before)).toBe(true);
      }
    });

    it('for words that were used, and replaces nothing where nobody tells', async () => {
      const replace: Drive = { ...MAIN, make: 'replace', word: 'w1', match: { ...MAIN.match, serial: 'D1' } };
      const { kept } = await beheaded();
      const used = Object.fromEntries(
        Object.entries(kept).map(([id, one]) => [id, { ...one, guids: [...one.guids, diskGuid('D1', 'w1')] }]),
      );
      const disk = foreignDisk();
      const before = Buffer.from(disk.bytes);
      const words = ['apply', 'main', '--yes', 'main'];
      expect(await drives((await served(disk, replace, used)).host, words)).toBe(0);
      expect(said()).toContain('The word w1 was used on it before');
      await expect(drives((await served(disk, replace, undefined)).host, words)).rejects.toMatchObject({
        code: 'word-unknown',
      });
      expect(disk.bytes.equals(before)).toBe(true);
      expect(await drives((await served(disk, { ...replace, word: 'w2' }, used)).host, words)).toBe(0);
      expect(said()).toContain('partition virtio-D1 over what is there');
    });
  });

  it('says which tool set the initramfs lacks', async () => {
    const host = await machine([memoryDisk()]);
    const bare = { ...host, exec: memoryHost().exec };
    expect(await drives(bare, ['apply'])).toBe(1);
    expect(said()).toMatch(/^cannot start "sfdisk": .*; an initramfs that is built .* has the tool set disks$/m);
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
