import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { linuxFiles } from '../../../src/host/linux/files.ts';
import { archiveFolder, layArchive } from '../../../src/machine/state/drbd/folder-archive.ts';

let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'statectl-folder-'));
});
afterAll(() => rm(dir, { recursive: true }));

const openTree = (name: string) => linuxFiles().openTree(join(dir, name));

test('a folder of a volume is an archive of its files, which make the same files elsewhere', async () => {
  const deep = `${'d'.repeat(90)}/${'e'.repeat(90)}`;
  await mkdir(join(dir, 'from', deep), { recursive: true });
  await mkdir(join(dir, 'to'));
  const contents = {
    'moonraker-sql.db': 'rows',
    'moonraker-sql.db-journal': '',
    'ä b': 'umlaut',
    [`${deep}/f`]: 'far',
  };
  for (const [path, text] of Object.entries(contents)) await writeFile(join(dir, 'from', path), text);
  await symlink('/etc/shadow', join(dir, 'from/link'));
  await using from = await openTree('from');
  const archive = await archiveFolder(from);
  expect(archive?.left).toEqual([expect.stringMatching(/^link \(/)]);
  await using to = await openTree('to');
  await layArchive(to, archive?.tar ?? Buffer.alloc(0), 1_000);
  for (const [path, text] of Object.entries(contents)) expect(await readFile(join(dir, 'to', path), 'utf8')).toBe(text);
  // What lies there already is nobody's to replace.
  await expect(layArchive(to, archive?.tar ?? Buffer.alloc(0), 1_000)).rejects.toThrow(/EEXIST/);
});

test('a folder without files is no archive, and one with more than a server takes is told', async () => {
  await mkdir(join(dir, 'empty/folder'), { recursive: true });
  await using empty = await openTree('empty');
  expect(await archiveFolder(empty)).toBeUndefined();
  await mkdir(join(dir, 'large'));
  for (const name of ['a', 'b', 'c']) await writeFile(join(dir, 'large', name), Buffer.alloc(24 << 20));
  await using large = await openTree('large');
  await expect(archiveFolder(large)).rejects.toThrow(/75497472 bytes are more than the 67108864/);
});

test('what is no such archive makes no file', async () => {
  await mkdir(join(dir, 'clean'));
  await using clean = await openTree('clean');
  await expect(layArchive(clean, Buffer.from('no tar at all'.repeat(100)), 1)).rejects.toThrow();
  expect((await clean.scan()).files).toEqual([]);
});
