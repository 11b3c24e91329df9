import { describe, expect, it } from 'vitest';
import type { Config } from '../../../../src/config/config.ts';
import type { DiskContent, DiskFacts } from '../../../../src/machine/disks/disk-facts.ts';
import type { Copy, Table } from '../../../../src/machine/disks/gpt.ts';
import { diskGuid, PARTITION_TYPES } from '../../../../src/machine/disks/guid.ts';
import { identify } from '../../../../src/machine/disks/identify-disk.ts';
import { offsetsOf, tableOf, withMissing } from '../../../../src/machine/disks/layout.ts';
import { type Known, planActivation, planFileSystems, planTable } from '../../../../src/machine/disks/plan-drives.ts';
import { fits } from '../../../../src/machine/disks/select-disk.ts';
import { describe as sentenceOf } from '../../../../src/machine/steps/step.ts';

type Drive = Config['drives'][string];

const [MIB, GIB] = [2 ** 20, 2 ** 30];
const ANY_SIZE = { minSizeBytes: undefined, maxSizeBytes: undefined };

const DISK: DiskFacts = {
  device: '/dev/nvme0n1',
  ids: ['nvme-Acme_S1', 'path-pci-0000:00:05.0'],
  serial: 'S1',
  sizeBytes: GIB,
  sectorBytes: 512,
  attached: 'nvme',
};
const drive = (changes: Partial<Drive> = {}): Drive => ({
  match: { type: 'nvme', ...ANY_SIZE },
  make: 'empty',
  partitions: {
    system: { sizeBytes: 100 * MIB, type: 'raw' },
    'user-data': { sizeBytes: 'rest', type: 'ext4' },
  },
  ...changes,
});
const REPLACE = drive({
  make: 'replace',
  word: '2026-11-30',
  match: { id: 'nvme-Acme_S1', serial: 'S1', ...ANY_SIZE },
});

const ABSENT: Copy = { state: 'absent' };
const good = (table: Table): Copy => ({ state: 'good', table });
const damaged: Copy = { state: 'damaged', why: "its header's check sum is wrong" };
const content = (changes: Partial<DiskContent> = {}): DiskContent => ({
  ...{ primary: ABSENT, backup: ABSENT, signatures: [], isBlank: true, held: {}, digest: 'd1' },
  ...changes,
});

const tableFor = (which: Drive = drive(), disk = DISK): Table => {
  const table = tableOf(which, disk.serial ?? '', disk);
  if (typeof table === 'string') throw new Error(table);
  return table;
};
const OURS = tableFor();
const FOREIGN: Table = { ...OURS, guid: 'ebd0a0a2-b9e5-4433-87c0-68b6b72699c7' };
const both = (table: Table) => content({ primary: good(table), backup: good(table), isBlank: false });

const planned = (of: Drive, what: DiskContent | undefined, known?: Known, disks: readonly DiskFacts[] = [DISK]) => {
  const { steps, notes } = planTable('main', of, { fitting: disks, ...(what && { content: what }) }, known);
  return [...notes, ...steps.map(sentenceOf)];
};

const MADE = 'drive main: partition nvme-Acme_S1: system, user-data';
const UNTOUCHED = 'drive main: nvme-Acme_S1 is not touched: it has';
const WIPE = '`statectl drives wipe main` makes it empty';

describe('the table of a disk', () => {
  it.each<[string, Drive, DiskContent, readonly unknown[]]>([
    ['that is empty is made', drive(), content(), [MADE]],
    ['that is empty is left alone by `make: never`', drive({ make: 'never' }), content(), []],
    ['that is empty is made by `make: replace`', REPLACE, content(), [MADE]],
    ['of ours that is whole is left as it is', drive(), both(OURS), []],
    [
      'of ours with a partition that is named no more stays, and that is told',
      drive({ partitions: { system: { sizeBytes: 100 * MIB, type: 'raw' } } }),
      both(OURS),
      [
        'drive main: drives.conf no longer names user-data on nvme-Acme_S1; it stays until `statectl drives delete main user-data`',
      ],
    ],
    [
      'of ours whose backup is damaged is put back',
      drive(),
      content({ primary: good(OURS), backup: damaged, isBlank: false }),
      [
        "drive main: the backup table is damaged: its header's check sum is wrong; it is put back from the other copy",
        'drive main: put back the backup table of nvme-Acme_S1 from its primary one',
      ],
    ],
    [
      'of ours whose primary one is gone is put back',
      drive(),
      content({ backup: good(OURS), isBlank: false }),
      [
        'drive main: the primary table is damaged: it is not there; it is put back from the other copy',
        'drive main: put back the primary table of nvme-Acme_S1 from its backup one',
      ],
    ],
    [
      'of ours is only looked at by `make: never`, damaged or not',
      drive({ make: 'never' }),
      content({ primary: good(OURS), backup: damaged }),
      [],
    ],
    [
      'of ours whose copies differ is what the primary one says',
      drive(),
      content({ primary: good(OURS), backup: good({ ...OURS, partitions: [] }), isBlank: false }),
      [
        'drive main: the copies of its table differ; it is put back from the other copy',
        'drive main: put back the backup table of nvme-Acme_S1 from its primary one',
      ],
    ],
    [
      'of somebody is left alone',
      drive(),
      both(FOREIGN),
      [`${UNTOUCHED} a partition table that statectl did not make (system, user-data). ${WIPE}`],
    ],
    [
      'of somebody is left alone where one copy is damaged, too',
      drive(),
      content({ primary: damaged, backup: good(FOREIGN), isBlank: false }),
      [`${UNTOUCHED} a partition table that statectl did not make (system, user-data). ${WIPE}`],
    ],
    [
      'that has none and a file system at its start is left alone',
      drive(),
      content({ signatures: [{ offset: 0, what: 'btrfs', of: 'disk' }], isBlank: false }),
      [`${UNTOUCHED} btrfs. ${WIPE}`],
    ],
    [
      'that has none and a file system where ours would begin is not empty',
      drive(),
      content({ signatures: [{ offset: 101 * MIB, what: 'ext2, ext3 or ext4', of: 'partition' }] }),
      [
        `${UNTOUCHED} no partition table, but ext2, ext3 or ext4 at 105906176 bytes. \`statectl drives apply main\` asks the server for its table`,
      ],
    ],
    [
      'that has none and bytes at an end is left alone',
      drive(),
      content({ isBlank: false }),
      [`${UNTOUCHED} data that is of no known kind. ${WIPE}`],
    ],
    [
      'that cannot be read is not empty',
      drive(),
      content({ unreadable: '512 bytes at 512' }),
      [`${UNTOUCHED} places that cannot be read (512 bytes at 512)`],
    ],
    [
      'that is damaged at both ends is left alone',
      drive(),
      content({ primary: damaged, backup: damaged, isBlank: false }),
      [expect.stringContaining('asks the server for its table')],
    ],
    [
      'of somebody is not replaced before its name is typed',
      REPLACE,
      both(FOREIGN),
      [expect.stringContaining('`statectl drives apply main --yes main` replaces it, once')],
    ],
    [
      'of a disk that is too small is not begun',
      drive({ partitions: { big: { sizeBytes: 2 * GIB, type: 'ext4' } } }),
      content(),
      ['drive main: there is no room for big on nvme-Acme_S1'],
    ],
  ])('%s', (_title, of, what, said) => {
    expect(planned(of, what)).toEqual(said);
  });

  it.each<[string, Known, unknown]>([
    [
      'is replaced where the name was typed',
      { mayReplace: true },
      'drive main: partition nvme-Acme_S1 over what is there: system, user-data',
    ],
    [
      'is not replaced by a word that was used',
      { mayReplace: true, usedGuids: [diskGuid('S1', '2026-11-30')] },
      expect.stringContaining('The word 2026-11-30 was used on it before: `make: replace` needs another one'),
    ],
    [
      'is replaced by a new word',
      { mayReplace: true, usedGuids: [diskGuid('S1', '2026-11-29')] },
      'drive main: partition nvme-Acme_S1 over what is there: system, user-data',
    ],
  ])('of somebody %s', (_title, known, said) => {
    expect(planned(REPLACE, both(FOREIGN), known)).toEqual([said]);
  });

  it.each([
    ['another serial', { ...DISK, serial: 'S2' }],
    ['none', { ...DISK, serial: undefined as unknown as string }],
    ['another id', { ...DISK, ids: ['nvme-Acme_S2'] }],
  ])('of somebody is not replaced on a disk with %s', (_title, disk) => {
    expect(planned(REPLACE, both(FOREIGN), { mayReplace: true }, [disk])).toEqual([
      expect.stringContaining('its match names neither the exact id nor the serial'),
    ]);
  });

  it('of ours is never replaced, typed or not: it is completed', () => {
    expect(planned(REPLACE, both(OURS), { mayReplace: true })).toEqual([]);
  });

  it('that is gone is put back as the server knows it, where it fits', () => {
    const gone = content({ signatures: [{ offset: MIB, what: 'btrfs', of: 'partition' }], isBlank: false });
    expect(planned(drive(), gone, { keptTable: OURS })).toEqual([MADE]);
    expect(planned(drive(), gone, { keptTable: { ...OURS, lastUsableLba: GIB } })).toEqual([
      expect.stringContaining('is not touched'),
    ]);
    // What somebody else has there is not for that.
    expect(planned(drive(), both(FOREIGN), { keptTable: OURS })).toEqual([expect.stringContaining('is not touched')]);
  });

  it('is left alone where it fits the match of another drive, too, with its file systems', () => {
    const look = { fitting: [DISK], alsoOf: ['scratch'], content: content() };
    expect(planTable('main', drive(), look)).toEqual({
      steps: [],
      notes: [expect.stringContaining('fits the match of scratch, too: it is not touched')],
    });
    const { alsoOf, ...alone } = { ...look, content: both(OURS) };
    expect(planFileSystems('main', drive(), alone).steps).not.toEqual([]);
    expect(planFileSystems('main', drive(), { ...alone, alsoOf }).steps).toEqual([]);
  });

  it('is left alone where no disk, or more than one, fits, where one has no name, and where one is in use', () => {
    expect(planned(drive(), undefined, {}, [])).toEqual(['drive main: no disk of this machine fits its match']);
    expect(planned(drive(), undefined, {}, [DISK, { ...DISK, ids: ['nvme-Acme_S2'] }])).toEqual([
      'drive main: 2 disks fit its match (nvme-Acme_S1, nvme-Acme_S2): none is touched; name one by its id',
    ]);
    expect(planned(drive(), content(), {}, [{ ...DISK, ids: [] }])).toEqual([
      'drive main: /dev/nvme0n1 has neither a serial number nor a place of its own: it is not touched',
    ]);
    expect(planned(drive(), content(), {}, [{ ...DISK, usedBy: 'nvme0n1p1 is mounted on /srv' }])).toEqual([
      'drive main: nvme-Acme_S1 is in use (nvme0n1p1 is mounted on /srv): its table is left as it is until the next boot',
    ]);
  });

  it('is left alone on a disk that is read-only, with all that would be made or used of it', () => {
    const disk: DiskFacts = { ...DISK, access: 'read-only' };
    for (const what of [content(), both(OURS), { ...both(OURS), backup: damaged }, both(FOREIGN)]) {
      expect(planned(drive(), what, {}, [disk])).toEqual([
        'drive main: nvme-Acme_S1 is read-only: nothing is made or mended on it, and no swap of it is used',
      ]);
      for (const plan of [planFileSystems, planActivation])
        expect(plan('main', drive(), { fitting: [disk], content: what }).steps).toEqual([]);
    }
    expect(planned(drive({ make: 'never' }), content(), {}, [disk])).toEqual([]);
  });

  it('gets what config.d names since, after what is there, and keeps what it names no more', () => {
    const { system, ...others } = drive().partitions;
    const more = drive({ partitions: { swap: { sizeBytes: 'rest', type: 'swap' } } });
    const before = tableFor(drive({ partitions: { system: system!, old: { sizeBytes: 8 * MIB, type: 'ext4' } } }));
    const after = withMissing(before, more, DISK);
    expect(typeof after === 'string' ? after : after.partitions.map(({ name }) => name)).toEqual([
      'system',
      'old',
      'swap',
    ]);
    expect(others).toHaveProperty('user-data');
    // Nothing is moved and nothing ends sooner.
    expect(typeof after === 'string' ? after : after.partitions.slice(0, 2)).toEqual(before.partitions);
  });
});

describe('a table that has many partitions', () => {
  const names = Array.from({ length: 127 }, (_, index) => `p${index}`);
  const many = drive({
    partitions: Object.fromEntries(names.map((name) => [name, { sizeBytes: MIB, type: 'raw' as const }])),
  });
  const more = (...labels: readonly string[]) =>
    drive({
      partitions: {
        ...many.partitions,
        ...Object.fromEntries(labels.map((label) => [label, { sizeBytes: MIB, type: 'raw' as const }])),
      },
    });
  const of = (table: Table | string) =>
    typeof table === 'string' ? table : table.partitions.map(({ number }) => number);

  it('gets no more than it has numbers, those that are free again too', () => {
    const table = tableFor(many);
    expect(of(withMissing(table, more('a'), DISK))).toHaveLength(128);
    expect(of(withMissing(table, more('a', 'b'), DISK))).toBe('the table has no number left for b');
    const full = withMissing(table, more('a'), DISK) as Table;
    const freed = { ...full, partitions: full.partitions.filter(({ number }) => number !== 7) };
    const { p6: _gone, ...others } = more('a').partitions;
    const after = withMissing(freed, drive({ partitions: { ...others, c: { sizeBytes: MIB, type: 'raw' } } }), DISK);
    expect(typeof after === 'string' ? after : after.partitions.at(-1)).toMatchObject({ name: 'c', number: 7 });
  });

  it('with more than statectl makes is somebody’s, whatever its GUID says', () => {
    const large = { ...OURS, partitions: [{ ...OURS.partitions[0]!, number: 129 }] };
    expect(identify(both(large)).kind).toBe('foreign');
    expect(identify({ ...both(large), backup: ABSENT }).kind).toBe('foreign');
  });
});

describe('the file systems of a disk', () => {
  const unfinished = both(OURS);
  const finished = both({
    ...OURS,
    partitions: OURS.partitions.map((one) => ({ ...one, type: PARTITION_TYPES.linux })),
  });
  const held = (bytes: number) => ({ ...finished, held: { 2: { what: 'ext2, ext3 or ext4', bytes } } });
  const whole = 922 * MIB;

  it.each<[string, Drive, DiskContent, readonly string[]]>([
    [
      'are made where the table says that none is there',
      drive(),
      unfinished,
      ['drive main: ext4 user-data on partition 2 of nvme-Acme_S1'],
    ],
    ['are not made by `make: never`', drive({ make: 'never' }), unfinished, []],
    ['are not made for a partition that config.d does not name', drive({ partitions: {} }), unfinished, []],
    ['are left alone where the table says that one is there, whatever is in it', drive(), finished, []],
    ['are left alone where they are as large as their partition', drive(), held(whole), []],
    [
      'grow into a partition that is larger',
      drive(),
      held(whole - 8 * MIB),
      ['drive main: ext4 user-data on nvme-Acme_S1 as large as its partition'],
    ],
    ['wait for a table that is whole', drive(), { ...unfinished, backup: damaged }, []],
    ['are not made on a table of somebody', drive(), both(FOREIGN), []],
  ])('%s', (_title, of, what, said) => {
    expect(planFileSystems('main', of, { fitting: [DISK], content: what }).steps.map(sentenceOf)).toEqual(said);
  });

  it('are left alone on a disk that is in use', () => {
    const disk = { ...DISK, usedBy: 'nvme0n1p1 is swap' };
    expect(planFileSystems('main', drive(), { fitting: [disk], content: unfinished }).steps).toEqual([]);
  });
});

describe('what is of one boot alone', () => {
  const encrypted = { encrypt: 'ephemeral' } as const;
  const CRYPT = drive({
    partitions: {
      plain: { sizeBytes: 8 * MIB, type: 'swap' },
      swap: { sizeBytes: 8 * MIB, type: 'swap', ...encrypted },
      scratch: { sizeBytes: 'rest', type: 'ext4', ...encrypted },
    },
  });
  const table = tableFor(CRYPT);
  const made = both({
    ...table,
    partitions: table.partitions.map((one) => (one.number === 1 ? { ...one, type: PARTITION_TYPES.swap } : one)),
  });
  const activated = (what: DiskContent, disk: DiskFacts = DISK, of = CRYPT) =>
    planActivation('main', of, { fitting: [disk], content: what }).steps.map(sentenceOf);
  const PLAIN = 'drive main: use the swap plain on partition 1 of nvme-Acme_S1';
  const SWAP = 'drive main: swap /dev/mapper/swap, encrypted on partition 2 of nvme-Acme_S1 by a key of this boot';
  const SCRATCH =
    'drive main: ext4 /dev/mapper/scratch, encrypted on partition 3 of nvme-Acme_S1 by a key of this boot';

  it('is made of what has a type of its own from the first write on, and is no file system to be made or grown', () => {
    expect(table.partitions.map(({ type }) => type)).toEqual([
      PARTITION_TYPES.unfinished,
      PARTITION_TYPES.encrypted,
      PARTITION_TYPES.encrypted,
    ]);
    const remains = { ...made, held: { 3: { what: 'ext2, ext3 or ext4', bytes: MIB } } };
    expect(planFileSystems('main', CRYPT, { fitting: [DISK], content: remains }).steps).toEqual([]);
    expect(activated(made)).toEqual([PLAIN, SWAP, SCRATCH]);
  });

  it('waits for swap that is made, and a table that is whole and ours', () => {
    expect(activated(both(table))).toEqual([SWAP, SCRATCH]);
    expect(activated({ ...made, backup: damaged })).toEqual([]);
    expect(activated(both(FOREIGN))).toEqual([]);
    expect(activated(made, DISK, { ...CRYPT, make: 'never' })).toEqual([]);
    expect(activated(made, DISK, { ...CRYPT, partitions: {} })).toEqual([]);
  });

  it('is left alone where it is used already, and so is all of a disk that is used as a whole', () => {
    expect(activated(made, { ...DISK, usedBy: 'nvme0n1p2 is held by dm-0', usedParts: [2] })).toEqual([PLAIN, SCRATCH]);
    expect(activated(made, { ...DISK, usedBy: 'nvme0n1 is held by dm-0', usedParts: [0] })).toEqual([]);
  });

  it('takes the place of swap, but never of a file system that was made', () => {
    const before = drive({
      partitions: { plain: { sizeBytes: 8 * MIB, type: 'swap' }, scratch: { sizeBytes: 'rest', type: 'ext4' } },
    });
    const whole = tableFor(before);
    const finished = {
      ...whole,
      partitions: whole.partitions.map((one) => ({
        ...one,
        type: one.number === 1 ? PARTITION_TYPES.swap : PARTITION_TYPES.linux,
      })),
    };
    const after = drive({
      partitions: {
        plain: { sizeBytes: 8 * MIB, type: 'swap', ...encrypted },
        scratch: { sizeBytes: 'rest', type: 'ext4', ...encrypted },
      },
    });
    const { steps, notes } = planTable('main', after, { fitting: [DISK], content: both(finished) });
    expect(notes).toEqual([
      'drive main: scratch on nvme-Acme_S1 was made without encryption and may hold data: it is left as it is; encrypt one of another label, and `statectl drives delete main scratch`',
    ]);
    expect(steps).toMatchObject([
      {
        kind: 'write-table',
        table: { partitions: [{ type: PARTITION_TYPES.encrypted }, { type: PARTITION_TYPES.linux }] },
      },
    ]);
    expect(activated(both(finished), DISK, after)).toEqual([]);
  });

  it('becomes a file system where it is encrypted no more: nobody has its key', () => {
    const after = drive({ partitions: { ...CRYPT.partitions, scratch: { sizeBytes: 'rest', type: 'ext4' } } });
    const { steps } = planTable('main', after, { fitting: [DISK], content: made });
    expect(steps).toMatchObject([
      { kind: 'write-table', table: { partitions: [{}, {}, { type: PARTITION_TYPES.unfinished }] } },
    ]);
  });
});

it('a disk is empty only where neither copy, no signature and no byte say otherwise', () => {
  expect(identify(content()).kind).toBe('empty');
  for (const change of [
    { isBlank: false },
    { signatures: [{ offset: 0, what: 'swap', of: 'disk' as const }] },
    { signatures: [{ offset: MIB, what: 'swap', of: 'partition' as const }] },
    { unreadable: '1 byte at 0' },
    { primary: good(OURS) },
    { backup: good(FOREIGN) },
  ])
    expect(identify(content(change)).kind, JSON.stringify(change).slice(0, 60)).not.toBe('empty');
});

it.each([
  ['id with *', { id: 'nvme-Acme*' }, true],
  ['exact id', { id: 'path-pci-0000:00:05.0' }, true],
  ['another id', { id: 'nvme-Acme_S2' }, false],
  ['serial', { serial: 'S1' }, true],
  ['beginning of a serial', { serial: 'S' }, false],
  ['type', { type: 'nvme' as const }, true],
  ['another type', { type: 'usb' as const }, false],
  ['size', { minSizeBytes: GIB, maxSizeBytes: GIB }, true],
  ['larger size', { minSizeBytes: GIB + 1 }, false],
  ['smaller size', { maxSizeBytes: GIB - 1 }, false],
  ['id that fits and type that does not', { id: 'nvme-*', type: 'sata' as const }, false],
])('a disk fits by %s or not', (_title, match, answer) => {
  expect(fits({ ...ANY_SIZE, ...match }, DISK)).toBe(answer);
});

it('partitions begin at the same bytes on disks of both kinds', () => {
  for (const sectorBytes of [512, 4096]) {
    const { partitions } = tableFor(drive(), { ...DISK, sectorBytes });
    expect(partitions.map(({ firstLba }) => firstLba * sectorBytes)).toEqual(offsetsOf(drive()));
  }
});
