import { describe, expect, it } from 'vitest';
import {
  mountChecks,
  persistentCheck,
  rootCheck,
  writeFault,
} from '../../../../../src/agent/health/checks/mount-checks.ts';
import { parseMountInfo } from '../../../../../src/host/kernel/mount-table.ts';
import { memoryHost } from '../../../../../src/host/memory.ts';
import { createConfig } from '../../../../fixtures/config.ts';
import { createFacts, USER_DATA_DISK } from '../../../../fixtures/facts.ts';
import { createRecord } from '../../../../fixtures/running-system.ts';

/** `MOUNT-POINT TYPE SOURCE OPTIONS OF-THE-FILE-SYSTEM` lines. */
const mounts = (...lines: readonly string[]) =>
  parseMountInfo(
    lines
      .map((line, at) => {
        const [mountPoint, type, source, options, superOptions] = line.split(' ');
        return `${20 + at} 1 0:${at} / ${mountPoint} ${options} - ${type} ${source} ${superOptions}\n`;
      })
      .join(''),
  );

const IMAGE = '/run/statectl/image squashfs /dev/loop0 ro,relatime ro';
const OVERLAY = '/ overlay root ro,relatime ro,lowerdir=/run/statectl/image:/run/initramfs/skeleton';
const RECORD = { root: { type: 'squashfs', from: '/x', verified: true } };

const USUAL = createConfig().fstab;

describe('the root', () => {
  it.each([
    ['a read-only overlay of the image', [IMAGE, OVERLAY]],
    ['the image itself', [IMAGE, '/ squashfs /dev/loop0 ro,relatime ro']],
    ['what was mounted over the first of all roots', ['/ rootfs rootfs rw rw', IMAGE, OVERLAY]],
  ])('that is %s is good', (_, lines) => expect(rootCheck(RECORD, mounts(...lines)).why).toBeUndefined());

  it.each([
    ['no image is mounted', [OVERLAY], 'nothing is mounted on /run/statectl/image'],
    ['there is none', [IMAGE], 'nothing is mounted on /'],
    [
      'the image is another',
      [IMAGE.replace('squashfs', 'ext4'), OVERLAY],
      'the image is of type ext4, and was booted as squashfs',
    ],
    [
      'it is an overlay of something else',
      [IMAGE, '/ overlay root ro ro,lowerdir=/mnt/a:/mnt/b'],
      'it is overlay of root, not the image that was booted',
    ],
    ['it is RAM', [IMAGE, '/ tmpfs tmpfs rw rw'], 'it is tmpfs of tmpfs, not the image that was booted'],
    [
      'it is another image',
      [IMAGE, '/ squashfs /dev/loop7 ro ro'],
      'it is squashfs of /dev/loop7, not the image that was booted',
    ],
    [
      'somebody mounted it writable',
      [IMAGE, '/ overlay root rw rw,lowerdir=/run/statectl/image:/s,upperdir=/u'],
      'somebody made it writable',
    ],
    [
      'the image below was made writable',
      ['/run/statectl/image squashfs /dev/loop0 rw rw', OVERLAY],
      'somebody made the image writable',
    ],
  ])('is not good where %s', (_, lines, why) => expect(rootCheck(RECORD, mounts(...lines)).why).toBe(why));
});

describe('what persists', () => {
  const facts = createFacts({
    config: {
      fstab: { ...USUAL, '/data': { source: 'LABEL=data', type: 'ext4', options: ['noatime'], missing: 'ignore' } },
    },
    root: { blocks: [USER_DATA_DISK, { device: '/dev/vdc', label: 'data', type: 'ext4' }] },
  });
  const record = createRecord(facts);
  const all = [
    '/user-data ext4 /dev/vdb rw,noatime rw',
    ...record.places
      .filter(({ persistent }) => persistent)
      .map(({ mountPoint }) => `${mountPoint} ext4 /dev/vdb rw rw`),
    '/data ext4 /dev/vdc rw,noatime rw',
  ];
  const without = (path: string, ...instead: readonly string[]) => [
    ...all.filter((line) => !line.startsWith(`${path} `)),
    ...instead,
  ];

  it('is good where all of it is mounted and writable', () => {
    expect(persistentCheck(record, facts, mounts(...all)).why).toBeUndefined();
    expect(all.length).toBeGreaterThan(4);
  });

  it.each([
    [without('/home'), 'nothing is mounted on /home'],
    [without('/user-data'), 'nothing is mounted on /user-data'],
    [without('/data'), 'nothing is mounted on /data'],
    [without('/home', '/home tmpfs tmpfs rw rw'), '/home is in RAM'],
    [
      without('/home', '/home ext4 /dev/vdb rw ro'),
      '/home is read-only: the kernel makes a disk so that has faults (dmesg)',
    ],
    [
      without('/data', '/data ext4 /dev/vdc ro rw'),
      '/data is read-only: the kernel makes a disk so that has faults (dmesg)',
    ],
  ])('is not good where %#', (lines, why) => expect(persistentCheck(record, facts, mounts(...lines)).why).toBe(why));

  it('may be read-only where fstab.conf says so, and a disk that the boot did not find is not waited for', () => {
    const readOnly = createFacts({
      config: {
        fstab: {
          ...USUAL,
          '/data': { source: 'LABEL=data', type: 'ext4', options: ['ro'], missing: 'ignore' },
          '/stick': { source: 'LABEL=stick', type: 'vfat', options: [], missing: 'ignore' },
        },
      },
      root: { blocks: [USER_DATA_DISK, { device: '/dev/vdc', label: 'data', type: 'ext4' }] },
    });
    const lines = without('/data', '/data ext4 /dev/vdc ro ro');
    expect(persistentCheck(createRecord(readOnly), readOnly, mounts(...lines)).why).toBeUndefined();
  });

  it('is nothing on a machine without a disk', () => {
    const diskless = createFacts({ root: { blocks: [] } });
    expect(persistentCheck(createRecord(diskless), diskless, mounts(IMAGE, OVERLAY)).why).toBeUndefined();
  });

  it('takes a file and lets it go, or is told why not', async () => {
    const host = memoryHost();
    expect(await writeFault(host)).toBeUndefined();
    expect(await host.files.list('/user-data/persistent/statectl')).toEqual([]);
    const write = async () => {
      throw new Error('EROFS: read-only file system');
    };
    expect(await writeFault({ files: { ...host.files, write } })).toBe(
      '/user-data cannot be written: EROFS: read-only file system',
    );
  });
});

it('a mount that update.health names is there, and writable unless fstab.conf says ro', () => {
  const facts = createFacts({
    config: { fstab: { ...USUAL, '/ro': { source: 'LABEL=r', type: 'ext4', options: ['ro'], missing: 'ignore' } } },
  });
  const there = mounts('/a nfs4 nas:/a rw rw', '/ro ext4 /dev/vdc ro ro', '/b nfs4 nas:/b ro ro');
  expect(mountChecks(['/a', '/ro', '/b', '/c'], facts, there)).toEqual([
    { name: 'mount /a', need: 'required' },
    { name: 'mount /ro', need: 'required' },
    { name: 'mount /b', need: 'required', why: expect.stringContaining('/b is read-only') },
    { name: 'mount /c', need: 'required', why: 'nothing is mounted on /c' },
  ]);
});
