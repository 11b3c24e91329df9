import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { linuxFiles } from '../../src/host/linux/files.ts';
import { readElf } from '../../src/image/elf/elf.ts';
import { elfClosure } from '../../src/image/elf/elf-closure.ts';

const host = { files: linuxFiles() };
const hasLdd = spawnSync('ldd', ['--version']).status === 0;
test.skipIf(!hasLdd)('the closure equals ldd for the programs of this machine', async () => {
  const all = readdirSync('/usr/bin').map((name) => join('/usr/bin', name));
  const linked = all.filter(
    (path, index) => index % Math.ceil(all.length / 120) === 0 && readElf(readFileSync(path))?.interpreter,
  );
  const programs = linked.slice(0, 30);
  expect(programs.length).toBeGreaterThan(5);
  // ldd takes $ORIGIN from the path it is given, a run of the program from the file behind it.
  const real = programs.map((path) => realpathSync(path));
  // Blocks of `program:` and lines of `libx.so => /path (0x…)`, `/lib64/ld.so (0x…)` or `libx.so => not found`.
  const reports = spawnSync('ldd', real, { encoding: 'utf8' })
    .stdout.split(/^\/.*:\n/m)
    .slice(1);
  for (const [index, path] of programs.entries()) {
    const closure = await elfClosure(host, '/', [path], { dlopen: 'required' });
    const theirs = [...(reports[index] ?? '').matchAll(/(\/\S+) \(0x/g)].map((match) => realpathSync(match[1] ?? ''));
    const ours = closure.files.filter((file) => file.path !== path).map((file) => file.realPath);
    expect(new Set(ours), path).toEqual(new Set(theirs));
    expect(closure.missing.length === 0, path).toBe(!/not found/.test(reports[index] ?? ''));
  }
});
