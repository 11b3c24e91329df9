import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, describe, expect, it } from 'vitest';
import type { Host } from '../../../src/host/host.ts';
import { linuxHost } from '../../../src/host/linux/host.ts';
import type { ArchiveFormat } from '../../../src/machine/facts/python-facts.ts';
import { archiveFormat, checkArchive, listingFault } from '../../../src/machine/packages/archive.ts';
import { zipLink } from '../../../src/machine/packages/zip-links.ts';
import { applyStep } from '../../../src/machine/steps/step.ts';

const BUSYBOX = '/bin/busybox';
const dir = await mkdtemp(join(tmpdir(), 'statectl-archive-'));
afterAll(() => rm(dir, { recursive: true }));

/** The machine whose tar and unzip are those of the initramfs. */
const real = linuxHost();
const host: Host = { ...real, exec: { run: (argv, options) => real.exec.run([BUSYBOX, ...argv], options) } };

/** Archives that no honest program makes. */
const MAKE = `
import sys, tarfile, zipfile, io
kind, path, *members = sys.argv[1:]
if kind == 'zip':
    with zipfile.ZipFile(path, 'w') as z:
        for name in members:
            info = zipfile.ZipInfo(name.lstrip('@')); info.create_system = 3
            info.external_attr = (0o120777 if name.startswith('@') else 0o100600) << 16
            z.writestr(info, '/etc' if name.startswith('@') else 'text')
else:
    with tarfile.open(path, kind) as t:
        for name in members:
            info = tarfile.TarInfo(name.lstrip('@=!')); data = b'' if name[0] in '@=!' else b'text'
            if name[0] == '@': info.type = tarfile.SYMTYPE; info.linkname = '/etc'
            if name[0] == '=': info.type = tarfile.LNKTYPE; info.linkname = '/etc/passwd'
            if name[0] == '!': info.type = tarfile.CHRTYPE
            info.mode = 0o600; info.size = len(data); t.addfile(info, io.BytesIO(data))
`;
let count = 0;
async function archive(kind: string, ...members: string[]): Promise<string> {
  count += 1;
  const path = join(dir, String(count));
  await promisify(execFile)('python3', ['-c', MAKE, kind, path, ...members]);
  return path;
}

describe.skipIf(!existsSync(BUSYBOX) || !existsSync('/usr/bin/python3'))('an archive', () => {
  it.each<[ArchiveFormat, string]>([
    ['tar', 'w'],
    ['tar.gz', 'w:gz'],
    ['tar.xz', 'w:xz'],
    ['zip', 'zip'],
  ])('%s is known by its first bytes and unpacked for everybody to read', async (format, kind) => {
    const path = await archive(kind, 'paho/__init__.py', 'paho/mqtt.py');
    expect(archiveFormat(await readFile(path))).toBe(format);
    await checkArchive(host, path, format);
    const to = `${path}.d`;
    const warnings: string[] = [];
    const boot = { say: () => {}, warn: (text: string) => warnings.push(text), signal: new AbortController().signal };
    await applyStep({ kind: 'unpack', archive: path, format, to }, host, boot);
    expect(warnings).toEqual([]);
    expect(await readFile(`${to}/paho/mqtt.py`, 'utf8')).toBe('text');
    expect((await real.files.stat(`${to}/paho/mqtt.py`))?.mode).toBe(0o644);
    expect((await real.files.stat(`${to}/paho`))?.mode).toBe(0o755);
  });

  it.each<[string, string, ArchiveFormat, string]>([
    ['a path above', 'w', 'tar', '../evil'],
    ['a path that climbs out', 'w', 'tar', 'a/../../evil'],
    ['an absolute path', 'w', 'tar', '/etc/evil'],
    ['a path that ends above', 'w', 'tar', 'a/..'],
    ['a link', 'w:gz', 'tar.gz', '@x'],
    ['a hard link', 'w', 'tar', '=x'],
    ['a device', 'w', 'tar', '!x'],
    ['a path above', 'zip', 'zip', '../evil'],
    ['a path that climbs out', 'zip', 'zip', 'a/../../evil'],
    ['an absolute path', 'zip', 'zip', '/etc/evil'],
    ['a link', 'zip', 'zip', '@x'],
  ])('with %s is refused before it is unpacked (%s)', async (_title, kind, format, member) => {
    const path = await archive(kind, 'ok.py', member);
    await expect(checkArchive(host, path, format)).rejects.toMatchObject({ code: 'archive-refused' });
  });

  it.each([0, 65_536, 200_000])(
    'as zip is looked through to its end, %i bytes before its directory',
    async (before) => {
      const path = await archive('zip', 'ok.py', '@x');
      const bytes = await readFile(path);
      const chunks = [Buffer.alloc(before), bytes].flatMap((each) => [each.subarray(0, 30_001), each.subarray(30_001)]);
      const readStream = async function* () {
        yield* chunks;
      };
      expect(await zipLink({ files: { ...real.files, readStream } }, path)).toBe('x');
    },
  );

  it('that was not looked through leaves nothing behind where a link shows', async () => {
    const path = await archive('zip', 'ok.py', '@x');
    const warnings: string[] = [];
    const boot = { say: () => {}, warn: (text: string) => warnings.push(text), signal: new AbortController().signal };
    await applyStep({ kind: 'unpack', archive: path, format: 'zip', to: `${path}.d` }, host, boot);
    expect(warnings).toEqual([expect.stringContaining('neither a file nor a folder')]);
    expect(await readdir(`${path}.d`)).toEqual([]);
  });

  it('that is cut off is refused', async () => {
    const path = await archive('w:gz', 'ok.py');
    await writeFile(path, (await readFile(path)).subarray(0, 40));
    await expect(checkArchive(host, path, 'tar.gz')).rejects.toMatchObject({ code: 'archive-damaged' });
  });
});

it.each([
  ['a page', Buffer.from('<html>')],
  ['a tar of zstd, which busybox cannot read', Buffer.from('28b52ffd0458', 'hex')],
  ['a tar of bzip2', Buffer.from('BZh91AY')],
])('%s is no archive', (_what, head) => {
  expect(archiveFormat(head)).toBeUndefined();
});

it('a listing of nothing is a fault', () => {
  expect(listingFault({ names: [], details: [], said: '' })).toBe('it is empty');
});
