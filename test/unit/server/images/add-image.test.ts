import { execFileSync } from 'node:child_process';
import { createHash, generateKeyPairSync } from 'node:crypto';
import { appendFile, chmod, readdir, readFile, rename, rm, stat, symlink, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { linuxHost } from '../../../../src/host/linux/host.ts';
import { addImage } from '../../../../src/server/images/add-image.ts';
import { getImage, imageNames } from '../../../../src/server/images/image-record.ts';
import { removeImage } from '../../../../src/server/images/images.ts';
import { blobPath, blobsPath, openStore, temporaryPath } from '../../../../src/server/store/store.ts';
import { signManifest, writeManifest } from '../../../../src/signed/image-manifest.ts';
import { writeInitramfsNote } from '../../../../src/signed/initramfs-note.ts';
import { stillClock, temporaryStore } from '../../../fixtures/server/temporary-store.ts';

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

test('boot loaders of an image, and what was signed of its initramfs, are kept with it and go with it', async () => {
  await using temporary = await temporaryStore();
  const { store } = temporary;
  const { dir, manifest, initramfs } = await temporary.imageDir();
  const efi = Buffer.from('MZ a boot loader');
  await writeFile(join(dir, 'BOOTX64.EFI'), efi);
  const described = { file: 'BOOTX64.EFI', sha256: sha256(efi), sizeBytes: efi.length };
  const keys = generateKeyPairSync('ed25519');
  const sign = async (name: string, text: string) => {
    await writeFile(join(dir, name), text);
    await writeFile(join(dir, `${name}.sig`), signManifest(text, keys.privateKey));
  };
  await sign('manifest.json', writeManifest({ ...manifest, loader: { efi: described } }));
  const image = { name: manifest.name, version: manifest.version };
  await addImage(store, dir);
  expect((await getImage(store, image)).record.initramfsNote).toBeUndefined();
  expect(await readFile(blobPath(store, described.sha256))).toEqual(efi);

  // What is signed later comes to what is there; of other bytes it is refused.
  const note = (bytes: Buffer) =>
    writeInitramfsNote({
      kernelRelease: manifest.kernelRelease,
      sha256: sha256(bytes),
      sizeBytes: bytes.length,
    });
  await sign('initramfs.img.json', note(Buffer.from('another')));
  await expect(addImage(store, dir)).rejects.toMatchObject({ code: 'image-mismatch' });
  await sign('initramfs.img.json', note(initramfs));
  await addImage(store, dir);
  expect((await getImage(store, image)).record.initramfsNote?.text).toBe(note(initramfs));
  await removeImage(store, 'lab@20261120.1');
  expect(await readdir(blobsPath(store))).toEqual([]);
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
  await writeFile(initramfs, '070701 another initramfs');
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
  await writeFile(initramfs, '070701 another initramfs');
  const { record } = await addImage(temporary.store, dir, { initramfs });
  expect(record.files.initramfs).toEqual({ sha256: sha256(Buffer.from('070701 another initramfs')), sizeBytes: 24 });
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
  const host = { ...linuxHost(), clock: stillClock };
  await expect(openStore(missing, host, 'existing')).rejects.toThrow(code('state-missing'));
});

const PARTS = ['vmlinuz', 'root.squashfs', 'initramfs.img', 'manifest.json', 'manifest.json.sig'] as const;

test.each(PARTS)('%s is taken neither through a link nor from a pipe or a device, and not waited for', async (file) => {
  await using temporary = await temporaryStore();
  const { dir } = await temporary.imageDir();
  const path = join(dir, file);
  const refused = async (why: string) => {
    await expect(addImage(temporary.store, dir)).rejects.toThrow(why);
    expect(await readdir(blobsPath(temporary.store))).toEqual([]);
  };
  // The very file, one link away, and readable by nobody else.
  await rename(path, join(temporary.folder, 'elsewhere'));
  await chmod(join(temporary.folder, 'elsewhere'), 0o600);
  await symlink(join(temporary.folder, 'elsewhere'), path);
  await refused(`${path} cannot be read: it is a symbolic link`);
  await rm(path);
  await symlink('/dev/zero', path);
  await refused('it is a symbolic link');
  await rm(path);
  execFileSync('mkfifo', [path]);
  await refused(`${path} cannot be read: it is no regular file`);
  await rm(path);
  execFileSync('mkdir', [path]);
  await refused('it is no regular file');
});

test('a folder that is a link is refused: who owns the link would say what is published', async () => {
  await using temporary = await temporaryStore();
  const { dir } = await temporary.imageDir();
  await symlink(dir, join(temporary.folder, 'link'));
  await expect(addImage(temporary.store, join(temporary.folder, 'link'))).rejects.toThrow('is a symbolic link to');
});

test.each(['vmlinuz', 'root.squashfs', 'initramfs.img', 'manifest.json', 'manifest.json.sig'])(
  'a %s of 50 GB of holes is refused before it is read',
  async (file) => {
    await using temporary = await temporaryStore();
    const { dir } = await temporary.imageDir();
    await truncate(join(dir, file), 50 * 2 ** 30);
    await expect(addImage(temporary.store, dir)).rejects.toThrow(/53687091200 bytes|is no initramfs/);
  },
);

test.each([
  ['text', 'root:x:0:0:root:/root:/bin/sh\n'],
  ['a kernel', 'MZ\xea\x07'],
  ['zeros', '\0'.repeat(100_000)],
  ['nothing', ''],
  ['the old cpio, which no kernel reads', '070707000000'],
  ['an lz4 frame, which no kernel reads', '\x04\x22\x4d\x18aaaa'],
])('an initramfs of %s is none', async (_, text) => {
  await using temporary = await temporaryStore();
  const { dir } = await temporary.imageDir({ initramfsBytes: Buffer.from(text, 'latin1') });
  await expect(addImage(temporary.store, dir)).rejects.toThrow(code('initramfs-damaged'));
});

test.each([
  ['gzip', '1f8b0800'],
  ['zstd', '28b52ffd'],
  ['xz', 'fd377a585a000004'],
  ['lzma', '5d00008000'],
  ['lz4', '02214c18'],
  ['lzo', '894c5a4f000d0a1a0a'],
  ['bzip2', '425a6839'],
  ['cpio after zeros', '0000000030373037303130'],
])('an initramfs may begin as %s', async (_, hex) => {
  await using temporary = await temporaryStore();
  const { dir } = await temporary.imageDir({ initramfsBytes: Buffer.from(hex, 'hex') });
  expect((await addImage(temporary.store, dir)).outcome).toBe('added');
});

test('a signature counts where the image key is known, and only that of its builder', async () => {
  await using temporary = await temporaryStore();
  const [made, other] = [await temporary.imageDir(), await temporary.imageDir()];
  const add = (trusted: readonly string[]) => addImage(temporary.store, made.dir, { trusted });
  await expect(add([other.publicKeyPem])).rejects.toThrow(code('image-unsigned'));
  await expect(add([])).rejects.toThrow(code('image-unsigned'));
  expect((await add([other.publicKeyPem, made.publicKeyPem])).outcome).toBe('added');
});

test.skipIf(process.getuid?.() !== 0)(
  'a file that may not be read is told as that, not as one of another image',
  async () => {
    await using temporary = await temporaryStore();
    const { dir } = await temporary.imageDir();
    await chmod(temporary.folder, 0o755);
    await chmod(dir, 0o755);
    await chmod(join(dir, 'initramfs.img'), 0o600);
    const [gid, uid] = [process.getegid?.() ?? 0, process.geteuid?.() ?? 0];
    process.setegid?.(65534);
    process.seteuid?.(65534);
    try {
      await expect(addImage(temporary.store, dir)).rejects.toThrow(/initramfs\.img: permission denied/);
    } finally {
      process.seteuid?.(uid);
      process.setegid?.(gid);
    }
  },
);
