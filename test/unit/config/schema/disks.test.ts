import { describe, expect, it } from 'vitest';
import { faultsOf, read } from './part.ts';

describe('drives.conf', () => {
  it('that is empty touches no disk', async () => {
    expect(await read('drives', '')).toEqual({});
  });

  it('only looks at a disk, unless it says that an empty one is to be made', async () => {
    expect(await read('drives', 'stick: { match: { id: usb-* } }')).toEqual({
      stick: { match: { id: 'usb-*' }, make: 'never', partitions: {} },
    });
  });

  it('has partitions in order, by label', async () => {
    const text = `
main:
  match: { type: nvme, minSize: 100G, maxSize: 2T }
  make: empty
  partitions:
    ESP: { size: 512M, type: vfat, role: efi }
    user-data: { size: rest }
`;
    const { main } = await read('drives', text);
    expect(main?.match).toEqual({ type: 'nvme', minSizeBytes: 100 * 2 ** 30, maxSizeBytes: 2 ** 41 });
    expect(Object.entries(main?.partitions ?? {})).toEqual([
      ['ESP', { sizeBytes: 2 ** 29, type: 'vfat', role: 'efi' }],
      ['user-data', { sizeBytes: 'rest', type: 'ext4' }],
    ]);
  });

  it('encrypts swap and scratch by a key of each boot', async () => {
    const { a } = await read(
      'drives',
      'a: {match: {type: usb}, partitions: {x: {size: 1M, type: swap, encrypt: ephemeral}}}',
    );
    expect(a?.partitions).toEqual({ x: { sizeBytes: 2 ** 20, type: 'swap', encrypt: 'ephemeral' } });
  });

  const encrypted = (partition: string, label = 'x') =>
    `a: {match: {type: usb}, partitions: {${label}: {${partition}}}}`;
  it.each([
    [
      'size: 1M, encrypt: tpm',
      '1:52 "a.partitions.x.encrypt": nothing is encrypted by a TPM or a kept key in this version',
    ],
    [
      'size: 1M, encrypt: key',
      '1:52 "a.partitions.x.encrypt": nothing is encrypted by a TPM or a kept key in this version',
    ],
    ['size: 1M, encrypt: yes', '1:52 "a.partitions.x.encrypt": expected one of ephemeral, tpm, key'],
    ['size: 1M, type: raw, encrypt: ephemeral', ': swap, ext4 and btrfs can be encrypted: each boot makes them anew'],
    ['size: 1M, type: vfat, encrypt: ephemeral', ': swap, ext4 and btrfs can be encrypted: each boot makes them anew'],
    ['size: 1M, role: boot, encrypt: ephemeral', ': firmware and boot loaders read nothing that is encrypted'],
  ])('with a partition of %s is refused', async (partition, fault) => {
    expect(await faultsOf('drives', encrypted(partition))).toContain(fault);
  });

  it.each(['control', '.', '..'])(
    'has no encrypted partition %s: device-mapper has another use of it',
    async (label) => {
      expect(await faultsOf('drives', encrypted('size: 1M, encrypt: ephemeral', label))).toContain(
        `no encrypted partition can be called ${label}`,
      );
      expect(await faultsOf('drives', encrypted('size: 1M', label))).toBe('no fault');
    },
  );

  it.each([
    ['a: {}', '1:1 "a.match": expected a mapping of keys to values, found nothing'],
    ['a: {match: {}}', '1:5 "a.match": expected at least one of id, serial, type, minSize, maxSize'],
    ['a: {match: {minSize: big}}', '1:13 "a.match.minSize": expected a size such as 512M, 20G or 2T, found "big"'],
    ['A: {match: {type: usb}}', '1:1 "A": expected a name of small letters and digits'],
    [
      'a: {match: {type: usb}, partitions: {x: {size: 0}}}',
      '1:42 "a.partitions.x.size": expected a size such as 512M or 20G, or rest',
    ],
    [
      'a: {match: {type: usb}, partitions: {x: {size: 10}}}',
      '1:42 "a.partitions.x.size": expected at least 1M: a number without a letter is bytes',
    ],
    [
      'a: {match: {type: usb}, partitions: {a-long-label: {size: 1M, type: vfat}}}',
      '1:38 "a.partitions.a-long-label": a label of vfat has at most 11 characters',
    ],
    [
      'a: {match: {type: usb}, partitions: {x: {size: rest}, y: {size: 1M}}}',
      '1:42 "a.partitions.x.size": nothing is left for the partitions after it: put the one with the rest last',
    ],
    [
      'a: {match: {type: usb}, partitions: {x: {size: 1M, role: efi}}}',
      '1:38 "a.partitions.x.type": the EFI system partition is vfat',
    ],
    [
      'a: {match: {type: usb}, partitions: {x: {size: 1M, role: bios}}}',
      '1:38 "a.partitions.x.type": GRUB takes the partition for a BIOS as it is: raw',
    ],
    [
      'a: {match: {type: usb}, partitions: {x: {size: 1M, type: btrfs, role: boot}}}',
      '1:52 "a.partitions.x.type": boot loaders read ext4 and vfat',
    ],
    [
      'a: {match: {id: usb-1, serial: S1}, make: replace}',
      '1:1 "a.word": `make: replace` has a word, and nothing else has one',
    ],
    ['a: {match: {id: usb-1}, word: w}', '1:25 "a.word": `make: replace` has a word, and nothing else has one'],
    [
      'a: {match: {id: usb-1}, make: replace, word: w}',
      '1:5 "a.match": `make: replace` needs the exact id of the disk, without * and ?, and its serial',
    ],
    [
      'a: {match: {id: "usb-*", serial: S1}, make: replace, word: w}',
      '1:5 "a.match": `make: replace` needs the exact id of the disk, without * and ?, and its serial',
    ],
    [
      'a: {match: {type: usb}, partitions: {x: {size: 1M, type: xfs}}}',
      '1:52 "a.partitions.x.type": expected one of ext4, btrfs, vfat, swap, raw, found "xfs"',
    ],
  ])('with %j is refused', async (text, fault) => {
    expect(await faultsOf('drives', text)).toBe(fault);
  });
});

describe('btrfs.conf', () => {
  it('has subvolumes by file system, mounted or not', async () => {
    const text = 'LABEL=data:\n  subvolumes:\n    "@home": {mount: /home, snapshots: 3}\n    "@a/b": {}\n';
    expect(await read('btrfs', text)).toEqual({
      'LABEL=data': {
        subvolumes: {
          '@home': { mount: '/home', options: ['noatime'], snapshots: 3 },
          '@a/b': { options: ['noatime'], snapshots: 0 },
        },
      },
    });
  });

  it.each([
    ['data: {}', '1:1 "data": expected LABEL=…, UUID=…, PARTUUID=…, PARTLABEL=… or /dev/…'],
    ['LABEL=a: {subvolumes: {a/../b: {}}}', '1:24 "LABEL=a.subvolumes.a/../b": expected a name such as @home'],
    [
      'LABEL=a: {subvolumes: {"@a": {snapshots: -1}}}',
      '1:31 "LABEL=a.subvolumes.@a.snapshots": expected 0 or more, found -1',
    ],
  ])('with %j is refused', async (text, fault) => {
    expect(await faultsOf('btrfs', text)).toBe(fault);
  });
});

describe('update.chk.conf', () => {
  it('that is empty takes a new version at boot by itself, for two images', async () => {
    expect(await read('update', '')).toEqual({
      check: 'boot',
      approval: 'auto',
      ask: { timeoutMs: 30_000, unanswered: 'stay' },
      slots: { kind: 'file' },
      tries: { image: 3, update: 2 },
      health: { services: [], units: [], mounts: [], urls: [], timeoutMs: 300_000, stableMs: 60_000 },
      corruption: 'auto',
    });
  });

  it('asks within a window, for two slots', async () => {
    const text =
      'interval: 6h\napproval: ask\nask: {timeout: 1m, unanswered: update}\nwindow: 22:00-05:00\nslots: {kind: partition, a: PARTLABEL=a, b: PARTLABEL=b}\n';
    expect(await read('update', text)).toMatchObject({
      intervalMs: 6 * 3_600_000,
      ask: { timeoutMs: 60_000, unanswered: 'update' },
      window: '22:00-05:00',
      slots: { kind: 'partition', a: 'PARTLABEL=a', b: 'PARTLABEL=b' },
    });
  });

  it.each([
    ['window: 24:00-05:00', '1:1 "window": expected HH:MM-HH:MM, such as 22:00-05:00'],
    ['window: night', '1:1 "window": expected HH:MM-HH:MM, such as 22:00-05:00'],
    ['slots: {kind: tree, a: LABEL=a}', '1:1 "slots.b": expected a text, found nothing'],
    ['tries: {image: 0}', '1:9 "tries.image": expected 1 or more, found 0'],
    ['slots: {kind: tree, a: PARTLABEL=a, b: PARTLABEL=a}', '1:37 the backup cannot be on the partition of the other'],
    ['health: {services: [a b]}', '1:21 "health.services.0": expected a unit or service such as ssh or fstrim.timer'],
    [
      'health: {timeout: 0s}',
      '1:10 "health.timeout": expected between 10s and 1d: a machine that is not good by then is rebooted',
    ],
    ['health: {stable: 2d}', '1:10 "health.stable": expected at most 1d'],
    [
      'health: {mounts: [data]}',
      '1:19 "health.mounts.0": expected an absolute path such as /var, without "..", "." or a slash at the end',
    ],
    ['health: {urls: ["file:///etc"]}', '1:17 "health.urls.0": expected http://HOST:PORT or https://HOST:PORT'],
  ])('with %j is refused', async (text, fault) => {
    expect(await faultsOf('update', text)).toBe(fault);
  });
});

describe('log.conf', () => {
  it('that is empty keeps ten boots', async () => {
    expect(await read('log', '')).toEqual({ keep: 10, limitBytes: 64 * 2 ** 20, compress: 'none', archive: [] });
  });

  it('archives logs of the system, too', async () => {
    expect(await read('log', 'keep: 100\nlimit: 1G\ncompress: zstd\narchive: [/var/log]')).toEqual({
      keep: 100,
      limitBytes: 2 ** 30,
      compress: 'zstd',
      archive: ['/var/log'],
    });
    expect(await faultsOf('log', 'limit: 256')).toBe(
      '1:1 "limit": expected at least 1M: a number without a letter is bytes',
    );
    expect(await faultsOf('log', 'limit: 1M')).toBe('no fault');
    expect(await faultsOf('log', 'archive: [var/log]')).toMatch(/^1:11 "archive\.0": expected an absolute path/);
  });
});
