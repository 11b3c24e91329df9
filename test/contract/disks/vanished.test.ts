import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import type { Config } from '../../../src/config/config.ts';
import { applyTo } from '../../fixtures/disks/apply-drives.ts';
import { attachDisk, diskFolder, type LoopDisk } from '../../fixtures/disks/loop-disk.ts';

const MIB = 2 ** 20;

const drivesOf = ({ serial }: LoopDisk): Config['drives'] => ({
  main: {
    match: { id: `virtio-${serial}`, minSizeBytes: undefined, maxSizeBytes: undefined },
    make: 'empty',
    partitions: {
      swap: { sizeBytes: 4 * MIB, type: 'swap' },
      'user-data': { sizeBytes: 'rest', type: 'ext4' },
    },
  },
});
const isBlank = (file: string) => readFileSync(file).every((byte) => byte === 0);

it.each(['write-table', 'make-filesystem'])(
  'a disk that is pulled out before %s ends what is done to it with a word, and nothing is tried for ever',
  async (kind) => {
    using folder = diskFolder();
    const file = join(folder.path, 'disk');
    writeFileSync(file, '');
    truncateSync(file, 64 * MIB);
    const disk = attachDisk(file);
    const there = [disk];
    let after: Buffer | undefined;
    try {
      const said = await applyTo(there, drivesOf(disk), (step) => {
        if (step.kind !== kind || there.length === 0) return;
        disk[Symbol.dispose]();
        there.splice(0);
        after = readFileSync(file);
      });
      const told = said.filter((line) => line.startsWith('DEGRADED: '));
      expect(told.length).toBeGreaterThan(0);
      for (const line of told) expect(line).toMatch(/^DEGRADED: drive main: /);
      expect(told[0]).toContain(`virtio-${disk.serial}`);
      expect(said.length).toBeLessThan(10);
    } finally {
      if (there.length > 0) disk[Symbol.dispose]();
    }
    expect(readFileSync(file).equals(after ?? Buffer.alloc(0))).toBe(true);
  },
);

it('a disk that takes no byte ends with a word of it, and nothing is made on what was not written', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'statectl-full-'));
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'full', folder]);
  try {
    const file = join(folder, 'disk');
    writeFileSync(file, '');
    truncateSync(file, 64 * MIB);
    try {
      writeFileSync(join(folder, 'rest'), Buffer.alloc(MIB));
    } catch {
      // Now it is full: the disk takes no byte more.
    }
    using disk = attachDisk(file);
    const said = await applyTo([disk], drivesOf(disk));
    expect(said[0]).toBe(`drive main: partition virtio-${disk.serial}: swap, user-data`);
    expect(said[1]).toMatch(
      /^DEGRADED: drive main: virtio-\w+: sfdisk could not write its table: the disk did not take all of it; dmesg says more/,
    );
    expect(said.filter((line) => line.includes('swap swap') || line.includes('ext4'))).toEqual([]);
    expect(isBlank(file)).toBe(true);
  } finally {
    execFileSync('umount', [folder]);
    rmSync(folder, { recursive: true });
  }
});
