import { expect, it } from 'vitest';
import { crc32 } from '../../../../src/machine/disks/crc32.ts';
import { readCopy, type Side, type Table, writesOf } from '../../../../src/machine/disks/gpt.ts';
import {
  diskGuid,
  guidAt,
  guidBytes,
  isOurs,
  PARTITION_TYPES,
  partitionGuid,
} from '../../../../src/machine/disks/guid.ts';

const GEOMETRY = { sizeBytes: 4 << 20, sectorBytes: 512 };
const TABLE: Table = {
  guid: diskGuid('S1', undefined),
  firstUsableLba: 2048,
  lastUsableLba: 8158,
  partitions: [
    {
      ...{ number: 2, type: PARTITION_TYPES.linux, uuid: partitionGuid('d', 'a'), attributes: '8000000000000004' },
      ...{ firstLba: 2048, lastLba: 4095, name: 'user-data' },
    },
  ],
};

function diskOf(table: Table, geometry = GEOMETRY): Buffer {
  const disk = Buffer.alloc(geometry.sizeBytes);
  for (const side of ['primary', 'backup'] as const)
    for (const { offset, bytes } of writesOf(table, geometry, side)) bytes.copy(disk, offset);
  return disk;
}
const read = (disk: Buffer, side: Side, geometry = GEOMETRY) =>
  readCopy(
    async (offset, length) => (offset + length <= disk.length ? disk.subarray(offset, offset + length) : undefined),
    geometry,
    side,
  );

it.each([512, 4096])(
  'a table is read as it was written, at both ends, with sectors of %i bytes',
  async (sectorBytes) => {
    const geometry = { ...GEOMETRY, sectorBytes };
    const table = {
      ...TABLE,
      firstUsableLba: 34,
      lastUsableLba: geometry.sizeBytes / sectorBytes - 40,
      partitions: [],
    };
    for (const side of ['primary', 'backup'] as const)
      expect(await read(diskOf(table, geometry), side, geometry)).toEqual({ state: 'good', table });
    for (const side of ['primary', 'backup'] as const)
      expect(await read(diskOf(TABLE), side)).toEqual({ state: 'good', table: TABLE });
  },
);

it('a bit that flips anywhere in a header or in the entries is seen, and the other copy is good', async () => {
  const whole = diskOf(TABLE);
  for (let at = 512; at < 512 + 92; at += 1) {
    const disk = Buffer.from(whole);
    disk[at] = (disk[at] ?? 0) ^ 0x10;
    expect((await read(disk, 'primary')).state, `header byte ${at}`).not.toBe('good');
    expect((await read(disk, 'backup')).state).toBe('good');
  }
  for (const at of [1024, 1151, 1152, 1024 + 16_383]) {
    const disk = Buffer.from(whole);
    disk[at] = (disk[at] ?? 0) ^ 1;
    expect(await read(disk, 'primary'), `entry byte ${at}`).toEqual({
      state: 'damaged',
      why: "its entries' check sum is wrong",
    });
  }
});

it.each<[string, Partial<Table>, string]>([
  ['of a larger disk', { lastUsableLba: 8192 }, 'it is the table of a larger disk'],
  [
    'with a partition beyond its end',
    { partitions: [{ ...TABLE.partitions[0]!, lastLba: 8160 }] },
    'its partition 2 is outside of the disk',
  ],
  [
    'with a partition that ends before it begins',
    { partitions: [{ ...TABLE.partitions[0]!, lastLba: 2047 }] },
    'its partition 2 is outside of the disk',
  ],
  [
    'with partitions over each other',
    { partitions: [TABLE.partitions[0]!, { ...TABLE.partitions[0]!, number: 3, firstLba: 4095, lastLba: 5000 }] },
    'its partition 3 lies over another',
  ],
])('a table %s is damaged, though its sums fit', async (_title, change, why) => {
  expect(await read(diskOf({ ...TABLE, ...change }), 'primary')).toEqual({ state: 'damaged', why });
});

it('a header of strange lengths is read no further', async () => {
  for (const [offset, value] of [
    [12, 0],
    [12, 513],
    [80, 0xffffffff],
    [84, 0],
    [84, 129],
  ] as const) {
    const disk = diskOf(TABLE);
    disk.writeUInt32LE(value, 512 + offset);
    const length = Math.min(512, Math.max(92, disk.readUInt32LE(524)));
    disk.writeUInt32LE(0, 528);
    disk.writeUInt32LE(crc32(disk.subarray(512, 512 + length)), 528);
    expect((await read(disk, 'primary')).state).toBe('damaged');
  }
});

it('a GUID is written as UEFI has it', () => {
  const bytes = guidBytes(PARTITION_TYPES.efi);
  expect(bytes.toString('hex')).toBe('28732ac11ff8d211ba4b00a0c93ec93b');
  expect(guidAt(bytes, 0)).toBe(PARTITION_TYPES.efi);
  expect(isOurs(PARTITION_TYPES.efi)).toBe(false);
});

it('the GUID of a table tells by which word its disk was replaced, and of which disk it is', () => {
  const guids = [diskGuid('S1', undefined), diskGuid('S1', 'a'), diskGuid('S1', 'b'), diskGuid('S2', 'a')];
  expect(new Set(guids).size).toBe(4);
  expect(guids.every(isOurs)).toBe(true);
  expect(crc32(Buffer.from('123456789'))).toBe(0xcbf43926);
});
