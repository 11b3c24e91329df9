import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { openRaw } from '../../../src/host/linux/raw-file.ts';
import { type Checkpoint, copyImage } from '../../../src/slots/copy/copy-image.ts';
import { loopDisk } from '../../fixtures/disks/loop-disk.ts';
import { noise } from '../../fixtures/slots/memory-raw.ts';

const MIB = 1 << 20;
const IMAGE = noise(9 * MIB + 1234);
const NEW = { sha256: createHash('sha256').update(IMAGE).digest('hex'), sizeBytes: IMAGE.length };
const scratch = mkdtempSync(join(tmpdir(), 'statectl-copy-'));
afterAll(() => rmSync(scratch, { recursive: true }));

const copy = (source: string, target: string, checkpoint?: Checkpoint, keep = async (_: Checkpoint) => {}) =>
  copyImage(
    { openRaw, clock: { uptimeMs: () => performance.now() } },
    { source: { path: source, ...NEW }, target, checkpoint },
    { signal: new AbortController().signal, keep },
  );

const sourceFile = join(scratch, 'source');
writeFileSync(sourceFile, IMAGE);

describe.skipIf(process.getuid?.() !== 0)('partitions', () => {
  it.each([512, 4096])('of %d byte sectors are copied to each other, and from and to files', async (sectorBytes) => {
    using a = loopDisk({ sizeBytes: 10 * MIB, sectorBytes });
    using b = loopDisk({ sizeBytes: 10 * MIB, sectorBytes });
    await copy(sourceFile, a.device);
    await copy(a.device, b.device);
    const file = join(scratch, `out-${sectorBytes}`);
    await copy(b.device, file);
    expect(readFileSync(file).equals(IMAGE)).toBe(true);
    expect(readFileSync(b.device).subarray(0, IMAGE.length).equals(IMAGE)).toBe(true);
  });

  it('that are mounted are never written', async () => {
    using disk = loopDisk({ sizeBytes: 16 * MIB });
    execFileSync('mkfs.ext4', ['-q', disk.device]);
    const at = mkdtempSync(join(scratch, 'mount-'));
    execFileSync('mount', [disk.device, at]);
    try {
      await expect(copy(sourceFile, disk.device)).rejects.toThrow('it is mounted, or held by something else');
    } finally {
      execFileSync('umount', [at]);
    }
  });

  it('are read back from the disk: what was altered there below the cache is found', async () => {
    using a = loopDisk({ sizeBytes: 10 * MIB });
    let altered = false;
    const copying = copy(sourceFile, a.device, undefined, async ({ doneBytes }) => {
      if (doneBytes !== 8 * MIB) return;
      // The file below the loop device: the cache of the device does not hear of it.
      const bytes = readFileSync(a.file);
      bytes[MIB] = (bytes[MIB] ?? 0) ^ 1;
      writeFileSync(a.file, bytes, { flag: 'r+' });
      altered = true;
    });
    await expect(copying).rejects.toMatchObject({ code: 'copy-altered' });
    expect(altered).toBe(true);
  });
});

it('a file goes on at its checkpoint, and a link or a folder in its place is refused', async () => {
  const target = join(scratch, 'resumed');
  const kept: Checkpoint[] = [];
  const cut = copy(sourceFile, target, undefined, async (checkpoint) => {
    kept.push(checkpoint);
    throw new Error('cut');
  });
  await expect(cut).rejects.toThrow('cut');
  expect(await copy(sourceFile, target, kept[0])).toMatchObject({ fromBytes: 4 * MIB });
  expect(readFileSync(target).equals(IMAGE)).toBe(true);
  symlinkSync(target, join(scratch, 'link'));
  for (const other of ['link', '.'])
    await expect(copy(sourceFile, join(scratch, other))).rejects.toThrow('cannot be opened');
  await expect(copy('/dev/zero', target)).rejects.toMatchObject({ code: 'disk-failed' });
  await expect(copy(sourceFile, '/dev/null')).rejects.toMatchObject({ code: 'disk-failed' });
});
