import { describe, expect, it } from 'vitest';
import type { Program } from '../../../../../src/host/memory/exec.ts';
import { memoryHost } from '../../../../../src/host/memory.ts';
import { copyVolume, volumeCopies } from '../../../../../src/server/state/drbd/volume-copies.ts';
import type { Backing, Volume } from '../../../../../src/server/state/drbd/volume-record.ts';

const HOUR_MS = 3_600_000;
const volumeOn = (backing: Backing): Volume => ({
  ...{ printer: 'voron', item: 'database', node: 'print07', resource: 'voron.database', port: 7900, minor: 100 },
  ...{ backing, fileSystem: '11111111-2222-4333-8444-555555555555', made: { atMs: 0, bytes: 64 << 20 } },
});
const LVM = volumeOn({ on: 'lvm', group: 'vg0' });
const procDrbd = (connection: string, disk: string) =>
  `version: 8.4.11 (api:1/proto:86-101)\n\n100: cs:${connection} ro:Secondary/Primary ds:${disk}/UpToDate A r-----\n    ns:0 oos:0\n`;

/** Of LVM, which volumes there are. */
function hostOf(files: Readonly<Record<string, string>> = {}, programs: Readonly<Record<string, Program>> = {}) {
  const volumes = new Set(['vg0/statectl-voron.database']);
  const host = memoryHost({
    files: { '/proc/self/mountinfo': '', '/state/x': '', ...files },
    programs: {
      lvs: (argv) => (volumes.has(argv.at(-1) ?? '') ? '  linear\n' : { exitCode: 5 }),
      lvcreate: (argv) => void volumes.add(`vg0/${argv[argv.indexOf('--name') + 1]}`),
      lvremove: (argv) => void volumes.delete(argv.at(-1) ?? ''),
      cp: async (argv) => void (await host.files.write(argv.at(-1) ?? '', 'copy')),
      ...{ e2fsck: () => undefined, mount: () => undefined, umount: () => undefined, rmdir: () => undefined },
      ...programs,
    },
  });
  return { host, volumes, store: { root: '/state', host } };
}

describe('a copy of a volume', () => {
  it('of LVM is a snapshot with room for each block, put right and mounted read-only', async () => {
    const { store, host } = hostOf();
    const { id } = await copyVolume(store, LVM);
    const name = `statectl-voron.database.${id}`;
    expect(host.commands).toEqual([
      'lvs --noheadings --options segtype vg0/statectl-voron.database',
      `lvcreate --yes --snapshot --extents 100%ORIGIN --name ${name} --setactivationskip n vg0/statectl-voron.database`,
      `e2fsck -p /dev/vg0/${name}`,
      `mount -t ext4 -o ro,nodev,nosuid,noexec /dev/vg0/${name} /state/drbd/copies/voron.database/${id}`,
    ]);
  });

  it('of a thin volume needs no room said', async () => {
    const { store, host } = hostOf({}, { lvs: () => '  thin\n' });
    await copyVolume(store, LVM);
    expect(host.commands.find((one) => one.startsWith('lvcreate'))).not.toContain('--extents');
  });

  it('stays for 24 hours and 14 days, and what is older goes with its disk', async () => {
    const { store, host, volumes } = hostOf();
    for (let hour = 0; hour < 24 * 20; hour += 1) {
      await copyVolume(store, LVM);
      await host.clock.sleep(HOUR_MS);
    }
    const kept = await volumeCopies(store, LVM);
    // The day of the last 24 hours is one of the 14.
    expect(kept.length).toBeGreaterThanOrEqual(24 + 12);
    expect(kept.length).toBeLessThanOrEqual(24 + 14);
    expect(volumes.size).toBe(kept.length + 1);
    expect(
      (await host.files.list('/state/drbd/copies/voron.database')).filter((one) => one.endsWith('.json')),
    ).toHaveLength(kept.length);
  });

  it.each([
    ['SyncTarget', 'Inconsistent'],
    ['Behind', 'Outdated'],
    ['WFConnection', 'Inconsistent'],
  ])('is none while this side catches up: %s, %s', async (connection, disk) => {
    const { store, host } = hostOf({ '/proc/drbd': procDrbd(connection, disk) });
    await expect(copyVolume(store, LVM)).rejects.toMatchObject({
      code: 'volume-not-copied',
      message: expect.stringContaining(`this side is ${disk} (${connection})`),
    });
    expect(host.commands).toEqual([]);
  });

  it('is taken of one that is connected and up to date', async () => {
    const { store } = hostOf({ '/proc/drbd': procDrbd('Connected', 'UpToDate') });
    await expect(copyVolume(store, LVM)).resolves.toMatchObject({ isWhole: true });
  });

  it('that is no file system leaves nothing, and one that was cut off goes at the next run', async () => {
    const broken = hostOf({}, { e2fsck: () => ({ exitCode: 8, stderr: 'bad magic' }) });
    await expect(copyVolume(broken.store, LVM)).rejects.toThrow('bad magic');
    expect([broken.volumes.size, await volumeCopies(broken.store, LVM)]).toEqual([1, []]);

    const id = '00000007-20261120T110000Z';
    const note = JSON.stringify({ id, receivedAtMs: 1, isWhole: false });
    const { store, volumes } = hostOf({ [`/state/drbd/copies/voron.database/${id}.json`]: note });
    volumes.add(`vg0/statectl-voron.database.${id}`);
    const copy = await copyVolume(store, LVM);
    expect(copy.id.slice(0, 8)).toBe('00000008');
    expect([...volumes].toSorted()).toEqual(['vg0/statectl-voron.database', `vg0/statectl-voron.database.${copy.id}`]);
  });

  it('is none of a device that was named, nor where nothing can be copied by reference', async () => {
    const { store } = hostOf({}, { cp: () => ({ exitCode: 1, stderr: 'Operation not supported' }) });
    await expect(copyVolume(store, volumeOn({ on: 'device', path: '/dev/sdb1' }))).rejects.toThrow(
      '/dev/sdb1 can make no copy of itself',
    );
    await expect(copyVolume(store, volumeOn({ on: 'file' }))).rejects.toMatchObject({
      message: expect.stringContaining('/state cannot be copied from by reference: Operation not supported'),
      hint: expect.stringContaining('btrfs or XFS'),
    });
    expect(await volumeCopies(store, volumeOn({ on: 'file' }))).toEqual([]);
  });
});
