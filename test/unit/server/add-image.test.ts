import { createHash } from 'node:crypto';
import { appendFile, readdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { linuxHost } from '../../../src/host/linux/host.ts';
import { addImage } from '../../../src/server/add-image.ts';
import { getImage, imageNames } from '../../../src/server/image-record.ts';
import { blobPath, blobsPath, openStore, temporaryPath } from '../../../src/server/store.ts';
import { stillClock, temporaryStore } from '../../fixtures/temporary-store.ts';

const code = (text: string) => expect.objectContaining({ code: text });
const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

test('adding an image keeps its files by content, its manifest to the byte, and its signature', async () => {
  await using temporary = await temporaryStore();
  const made = await temporary.imageDir({ rootBytes: 3_000_001 });
  expect((await addImage(temporary.store, made.dir)).outcome).toBe('added');
  for (const bytes of [made.root, made.kernel, made.initramfs])
    expect(sha256(await readFile(blobPath(temporary.store, sha256(bytes))))).toBe(sha256(bytes));
  const { record } = await getImage(temporary.store, { name: 'lab', version: '20261120.1' });
  expect(record.manifest).toBe(made.manifestText);
  expect(record.signature).toBe((await readFile(join(made.dir, 'manifest.json.sig'))).toString('base64'));
  expect(record.addedAt).toBe('2026-11-20T12:00:00.000Z');
  expect(await readdir(temporaryPath(temporary.store))).toEqual([]);
});

test('adding the same image again changes nothing and says so', async () => {
  await using temporary = await temporaryStore();
  const { dir } = await temporary.add();
  expect((await addImage(temporary.store, dir)).outcome).toBe('already-there');
});

test('a version is never replaced in place: another content under it is refused, part by part', async () => {
  await using temporary = await temporaryStore();
  const first = await temporary.add();
  const otherRoot = await temporary.imageDir({ rootBytes: 6000 });
  await expect(addImage(temporary.store, otherRoot.dir)).rejects.toThrow(
    'lab@20261120.1 is there already with another manifest, signature, root: versions are never replaced in place',
  );
  const resigned = await temporary.imageDir();
  await expect(addImage(temporary.store, resigned.dir)).rejects.toThrow('with another signature');
  const initramfs = join(temporary.folder, 'other.img');
  await writeFile(initramfs, 'another initramfs');
  await expect(addImage(temporary.store, first.dir, { initramfs })).rejects.toThrow('with another initramfs');
  expect(await readdir(blobsPath(temporary.store))).toHaveLength(3);
});

test('a file that is not what was signed is refused, and nothing of the image stays', async () => {
  await using temporary = await temporaryStore();
  const changed = await temporary.imageDir();
  await writeFile(join(changed.dir, 'root.squashfs'), Buffer.alloc(changed.root.length));
  await expect(addImage(temporary.store, changed.dir)).rejects.toThrow(
    /root\.squashfs .* has sha256 .* the manifest says/,
  );
  const short = await temporary.imageDir();
  await truncate(join(short.dir, 'vmlinuz'), 10);
  await expect(addImage(temporary.store, short.dir)).rejects.toThrow('has 10 bytes, the manifest says 3000');
  expect(await imageNames(temporary.store)).toEqual([]);
  expect(await readdir(blobsPath(temporary.store))).toEqual([]);
  expect(await readdir(temporaryPath(temporary.store))).toEqual([]);
});

test.each(['vmlinuz', 'root.squashfs', 'initramfs.img', 'manifest.json', 'manifest.json.sig'])(
  'an image without %s is refused by the name of that file',
  async (file) => {
    await using temporary = await temporaryStore();
    const { dir } = await temporary.imageDir();
    await rm(join(dir, file));
    const adding = addImage(temporary.store, dir);
    await expect(adding).rejects.toThrow(code('image-incomplete'));
    await expect(adding).rejects.toThrow(join(dir, file));
  },
);

test('the initramfs may come from elsewhere', async () => {
  await using temporary = await temporaryStore();
  const { dir } = await temporary.imageDir({ initramfsBytes: 'none' });
  const initramfs = join(temporary.folder, 'other.img');
  await writeFile(initramfs, 'another initramfs');
  const { record } = await addImage(temporary.store, dir, { initramfs });
  expect(record.files.initramfs).toEqual({ sha256: sha256(Buffer.from('another initramfs')), sizeBytes: 17 });
});

test('a signature of another length is none', async () => {
  await using temporary = await temporaryStore();
  const { dir } = await temporary.imageDir();
  await appendFile(join(dir, 'manifest.json.sig'), '\n');
  await expect(addImage(temporary.store, dir)).rejects.toThrow(code('image-unsigned'));
});

test('a manifest that leads out of its folder is refused', async () => {
  await using temporary = await temporaryStore();
  const { dir, manifestText } = await temporary.imageDir();
  await writeFile(join(dir, 'manifest.json'), manifestText.replace('"vmlinuz"', '"../../etc/shadow"'));
  await expect(addImage(temporary.store, dir)).rejects.toThrow(code('manifest-invalid'));
});

test('a blob that rotted on the disk is healed by adding its image again', async () => {
  await using temporary = await temporaryStore();
  const { dir, root } = await temporary.add();
  const path = blobPath(temporary.store, sha256(root));
  await writeFile(path, Buffer.alloc(root.length));
  await addImage(temporary.store, dir);
  expect(sha256(await readFile(path))).toBe(sha256(root));
});

test('what a power cut left in tmp/ goes with the next image', async () => {
  await using temporary = await temporaryStore();
  await writeFile(join(temporaryPath(temporary.store), 'half'), 'half a file');
  await temporary.add();
  expect(await readdir(temporaryPath(temporary.store))).toEqual([]);
});

test('two images at once are both added, and share the kernel they have in common', async () => {
  await using temporary = await temporaryStore(linuxHost().clock);
  const dirs = await Promise.all(['1', '2', '3'].map((version) => temporary.imageDir({ version })));
  await Promise.all(dirs.map(({ dir }) => addImage(temporary.store, dir)));
  expect(await imageNames(temporary.store)).toHaveLength(3);
  expect(await readdir(blobsPath(temporary.store))).toHaveLength(5);
});

test('reports are for the eyes of the server alone, and a mistyped state directory is not made', async () => {
  await using temporary = await temporaryStore();
  expect((await stat(join(temporary.store.root, 'reports'))).mode & 0o777).toBe(0o700);
  const missing = join(temporary.folder, 'nope');
  const host = { files: linuxHost().files, clock: stillClock };
  await expect(openStore(missing, host, 'existing')).rejects.toThrow(code('state-missing'));
});
