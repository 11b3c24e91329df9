import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { memoryHost } from '../../../../src/host/memory.ts';
import { appletsOf, findBusybox } from '../../../../src/image/initramfs/busybox.ts';
import { parseApplets } from '../../../../src/image/initramfs/tools-tree.ts';
import { elf, program } from '../../../fixtures/image/elf.ts';

const table = (...names: string[]) =>
  Buffer.from(`\0junk: not found\0${names.map((name) => `${name}\0`).join('')}\0more`);
const busybox = (...names: string[]) => Buffer.concat([elf({}), table(...names)]);
const find = (data: Buffer, needed: string[]) =>
  findBusybox(memoryHost({ files: { '/tree/usr/bin/busybox': data } }), '/tree', 'x86_64', needed);

describe('the busybox of a tree', () => {
  test('tells its applets without being run, so it may be for another machine', async () => {
    expect((await find(busybox('[', '[[', 'ash', 'busybox', 'cat', 'sh', 'zcat'), ['cat'])).applets).toEqual([
      '[',
      '[[',
      'ash',
      'cat',
      'sh',
      'zcat',
    ]);
    expect(appletsOf(Buffer.from('\0zz\0cat\0ash\0'))).toEqual(['cat']);
    expect(appletsOf(Buffer.from('cat'))).toEqual([]);
  });

  test('is refused without an applet that the scripts use, and the message names it', async () => {
    await expect(find(busybox('cat', 'sh'), ['cat', 'findfs', 'udhcpc'])).rejects.toMatchObject({
      code: 'applet-missing',
      message: expect.stringContaining('lacks findfs, udhcpc'),
    });
  });

  test('is refused when it is not static, is for another machine, or is not there', async () => {
    await expect(find(program({}), [])).rejects.toThrow('not static');
    await expect(find(elf({ machine: 183 }), [])).rejects.toThrow('is not for x86_64');
    await expect(findBusybox(memoryHost(), '/tree', 'x86_64', [])).rejects.toMatchObject({ code: 'tool-missing' });
  });
});

const listed = spawnSync('busybox', ['--list'], { encoding: 'utf8' });
const onMachine = listed.status === 0 ? listed.stdout.split('\n').filter(Boolean) : undefined;

test.skipIf(onMachine === undefined)('the applets that are read equal busybox --list', () => {
  const path = spawnSync('sh', ['-c', 'command -v busybox'], { encoding: 'utf8' }).stdout.trim();
  expect(appletsOf(readFileSync(path))).toEqual(onMachine);
});

/** Words where a command can stand. */
function commandsOf(script: string): Set<string> {
  const before =
    /(?:^|[;&|({`!]|\$\(|\b(?:then|do|else|elif|if|while|until|exec|xargs|(?:timeout|bounded) \S+)(?=\s)|\)(?=\s))\s*(?:[A-Za-z_]+=\S*\s+)*([a-z0-9_[]+)(?=[\s;)&|]|$)/gm;
  return new Set([...script.replace(/(^|\s)#.*/gm, '').matchAll(before)].map(([, word = '']) => word));
}

test.skipIf(onMachine === undefined)('initramfs/applets names every applet that the scripts beside it use', () => {
  const named = parseApplets(readFileSync('initramfs/applets', 'utf8'));
  const lists = ['applets', 'tools', 'tools-packages'];
  for (const name of readdirSync('initramfs').filter((name) => !lists.includes(name))) {
    const used = [...commandsOf(readFileSync(`initramfs/${name}`, 'utf8'))].filter((word) => onMachine?.includes(word));
    // A file that is named like an applet, in a redirection or as a word of `case`.
    const missing = used.filter((word) => !named.includes(word) && word !== 'passwd');
    expect(missing, `initramfs/${name} uses applets that initramfs/applets does not name`).toEqual([]);
  }
});
