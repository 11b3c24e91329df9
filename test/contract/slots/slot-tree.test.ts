import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { linuxHost } from '../../../src/host/linux/host.ts';
import { listTree } from '../../../src/image/tree/file-list.ts';
import { type FillTree, fillTree } from '../../../src/machine/cycle/fill-tree.ts';
import { verifySlotTree } from '../../../src/machine/cycle/slot-tree.ts';
import { loopDisk } from '../../fixtures/disks/loop-disk.ts';
import { digestOf } from '../../fixtures/image/image.ts';
import { treeTask } from '../../fixtures/slots/tree-lab.ts';
import { digestOfTree, plantWildTree } from '../../fixtures/slots/wild-tree.ts';

const scratch = mkdtempSync(join(tmpdir(), 'statectl-slot-tree-'));
const means = { tar: 'tar', mounts: join(scratch, 'mounts') };
const good = join(scratch, 'good');
const store = join(scratch, 'store');
const isRoot = process.getuid?.() === 0;
const task = () => ({ ...treeTask(), warn: () => undefined });
let digest: string;
let list: { readonly sha256: string; readonly sizeBytes: number };

/** A disk as a partition that this machine finds, without the table that it would be in. */
function partition() {
  const disk = loopDisk({ sizeBytes: 128 << 20 });
  const name = `slot-${disk.serial}`;
  const device = `/dev/${name}`;
  symlinkSync(disk.device, device);
  const host = linuxHost();
  const run: typeof host.exec.run = async (argv, options) =>
    argv[0] === 'blkid'
      ? { exitCode: 0, stdout: `DEVNAME=${device}\nPARTUUID=${name}\n`, stderr: '' }
      : await host.exec.run(argv, options);
  const names: typeof host.files.list = async (path) =>
    path === '/sys/class/block' ? [name] : await host.files.list(path);
  return {
    device,
    host: { ...host, exec: { run }, files: { ...host.files, list: names } },
    slot: { device, partuuid: name, dir: join(scratch, 'slots', name), is: 'ours' as const },
    [Symbol.dispose]() {
      rmSync(device);
      disk[Symbol.dispose]();
    },
  };
}
type Partition = ReturnType<typeof partition>;
const image = (): FillTree['source'] => {
  const bytes = readFileSync(join(store, 'root.squashfs'));
  return { image: join(store, 'root.squashfs'), type: 'squashfs', sha256: digestOf(bytes), sizeBytes: bytes.length };
};

beforeAll(async () => {
  if (!isRoot) return;
  plantWildTree(good);
  mkdirSync(store);
  execFileSync('mksquashfs', [good, join(store, 'root.squashfs'), '-noappend', '-quiet', '-no-progress']);
  const at = join(scratch, 'mounted');
  mkdirSync(at);
  execFileSync('mount', ['-o', 'loop,ro', join(store, 'root.squashfs'), at]);
  digest = digestOfTree(at);
  execFileSync('umount', [at]);
  await listTree(linuxHost(), good, 'squashfs', join(store, 'files.zst'));
  const bytes = readFileSync(join(store, 'files.zst'));
  list = { sha256: digestOf(bytes), sizeBytes: bytes.length };
  for (const name of ['manifest.json', 'manifest.json.sig']) writeFileSync(join(store, name), name);
});
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

/** What is mounted there for a moment. */
function mountedAt<T>(disk: Partition, work: (at: string) => T): T {
  const at = mkdtempSync(join(scratch, 'at-'));
  execFileSync('mount', [disk.device, at]);
  try {
    return work(at);
  } finally {
    execFileSync('umount', [at]);
  }
}
const treeIn = (disk: Partition): string =>
  mountedAt(disk, (at) => {
    rmSync(join(at, 'lost+found'), { recursive: true, force: true });
    return digestOfTree(at);
  });

const verify = ({ device, host, slot: { dir } }: Partition) =>
  verifySlotTree(host, { device, dir, list }, means, task());
const fill = ({ host, slot: to }: Partition, source: FillTree['source'], manifestIn = store) =>
  fillTree({ slot: 'a', source, manifestIn, list, to }, means, host, task());

describe.skipIf(!isRoot)('the partition of a slot', () => {
  it('becomes the tree of an image, is verified, and mended of the tree of the other slot', async () => {
    using a = partition();
    using b = partition();
    await fill(a, image());
    expect(treeIn(a)).toBe(digest);
    await verify(a);
    expect(() => readFileSync(join(a.slot.dir, 'copying.json'))).toThrow('ENOENT');
    const clone = () => fill(b, { tree: a.device }, a.slot.dir);
    await clone();
    expect(treeIn(b)).toBe(digest);
    mountedAt(b, (at) => {
      writeFileSync(join(at, 'usr/bin/bash'), 'another');
      writeFileSync(join(at, 'own'), 'mine');
    });
    await expect(verify(b)).rejects.toMatchObject({
      code: 'image-altered',
      message: expect.stringMatching(/not as its image: .*own.*bash/),
    });
    await clone();
    await verify(b);
    expect([treeIn(a), treeIn(b)]).toEqual([digest, digest]);
  });

  it('gets a new file system where its own is damaged', async () => {
    using a = partition();
    await fill(a, image());
    execFileSync('dd', ['if=/dev/zero', `of=${a.device}`, 'bs=1M', 'count=4', 'conv=fsync,notrunc'], {
      stdio: 'ignore',
    });
    await expect(verify(a)).rejects.toMatchObject({ code: 'image-altered' });
    await fill(a, image());
    expect(treeIn(a)).toBe(digest);
  });

  it('gets nothing of an image that is another one, and nothing of a tree that is damaged', async () => {
    using a = partition();
    using b = partition();
    await expect(fill(a, { ...image(), sha256: '0'.repeat(64) })).rejects.toMatchObject({ code: 'image-altered' });
    await fill(a, image());
    mountedAt(a, (at) => writeFileSync(join(at, 'usr/bin/bash'), 'another'));
    await expect(fill(b, { tree: a.device })).rejects.toMatchObject({ code: 'tree-unverified' });
    expect(readFileSync(join(b.slot.dir, 'copying.json'), 'utf8')).toContain(list.sha256);
  });
});
