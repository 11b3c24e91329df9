import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { GRUB_CONFIG } from '../../../src/image/loader/grub-config.ts';
import { type BootFiles, GRUBENV, grubChoice, grubEntryFile } from '../../../src/machine/loader/choice.ts';
import { grubEntry } from '../../../src/machine/loader/entries.ts';
import { parseGrubEnv, writeGrubEnv } from '../../../src/machine/loader/grub-env.ts';

/** A kernel cannot be loaded by the GRUB that is a program: what it is asked to is printed, where the file is there. */
const PRETENDED = `function linux { if [ -s "$1" ]; then echo "LINUX $*"; true; else false; fi; }
function initrd { if [ -s "$1" ]; then echo "INITRD $*"; true; else false; fi; }
set cmdpath="(hd0)"
`;
const PARTITION_BYTES = 2 ** 20;
const WORDS = ['console=tty0', 'x="a b"'];

let dir: string;
let disk: string;

beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'statectl-grub-'));
  disk = join(dir, 'disk');
  writeFileSync(disk, '');
  truncateSync(disk, 12 << 20);
  execFileSync('sfdisk', ['--quiet', disk], { input: 'label: gpt\nstart=2048, size=20480\n' });
  mkdirSync(join(dir, 'grub'));
  writeFileSync(join(dir, 'device.map'), `(hd0) ${disk}\n`);
  writeFileSync(join(dir, 'grub/grub.cfg'), `${PRETENDED}${GRUB_CONFIG.replace('sleep 5', '')}halt\n`);
});
afterAll(() => rmSync(dir, { recursive: true }));

/** What the real GRUB makes of a FAT with these files: what it loads, and its environment then. */
function realGrub(files: BootFiles) {
  execFileSync('mkfs.vfat', ['--offset', '2048', disk, '10240'], { stdio: 'ignore' });
  const tree = mkdtempSync(join(dir, 'tree-'));
  mkdirSync(join(tree, 'statectl'));
  for (const [path, content] of files)
    writeFileSync(
      join(tree, path),
      // It would go on where a kernel began.
      typeof content === 'number'
        ? Buffer.alloc(content, 1)
        : content.toString('latin1').replace('then boot;', 'then halt;'),
    );
  const env = { ...process.env, MTOOLS_SKIP_CHECK: '1' };
  execFileSync('mcopy', ['-s', '-i', `${disk}@@${PARTITION_BYTES}`, join(tree, 'statectl'), '::/'], { env });
  const output = execFileSync('grub-emu', ['-m', join(dir, 'device.map'), '-d', join(dir, 'grub')], {
    encoding: 'latin1',
    input: '\n',
    timeout: 60_000,
  });
  const [, kernel, words, initramfs] =
    /LINUX \(hd0,gpt1\)\/statectl\/(\S+) ([^\r\n]*)(?:(?!LINUX)[^])*?INITRD \(hd0,gpt1\)\/statectl\/(\S+)/.exec(
      output,
    ) ?? [];
  execFileSync('mcopy', ['-o', '-i', `${disk}@@${PARTITION_BYTES}`, '::/statectl/grubenv', join(dir, 'env')], { env });
  return { kernel, words, initramfs, env: parseGrubEnv(readFileSync(join(dir, 'env'))) };
}

const left = fc.constantFrom(undefined, '0', '1', '2', '9', '10');
/** Which of its files are there. */
const there = fc.constantFrom('all', 'all', 'all', 'no entry', 'no kernel', 'no initramfs', 'empty kernel');
const slot = fc.option(fc.record({ left, there }), { nil: undefined, freq: 6 });

test('the real GRUB boots what its choice says here, of any state of the disk, and counts as it says', () => {
  const state = fc.record({ first: fc.constantFrom(undefined, 'a', 'b'), a: slot, b: slot });
  fc.assert(
    fc.property(state, ({ first, ...slots }) => {
      const files = new Map<string, Buffer | number>();
      const env: Record<string, string> = { ...(first && { first }) };
      for (const name of ['a', 'b'] as const) {
        const said = slots[name];
        if (!said) continue;
        const text = grubEntry({
          slot: name,
          kernel: `vmlinuz-${name}`,
          initramfs: `initramfs-${name}.img`,
          words: WORDS,
        });
        env[name] = `entry${name}`;
        if (said.left !== undefined) env[`${name}_left`] = said.left;
        if (said.there !== 'no entry') files.set(grubEntryFile(`entry${name}`), Buffer.from(text));
        if (said.there !== 'no kernel')
          files.set(`/statectl/vmlinuz-${name}`, said.there === 'empty kernel' ? 0 : 20_000);
        if (said.there !== 'no initramfs') files.set(`/statectl/initramfs-${name}.img`, 30_000);
      }
      files.set(GRUBENV, writeGrubEnv(env));
      const choice = grubChoice(files);
      const real = realGrub(files);
      expect({ kernel: real.kernel, initramfs: real.initramfs }).toEqual({
        kernel: choice?.kernel,
        initramfs: choice?.initramfs,
      });
      if (choice) {
        expect(real.words).toBe('console=tty0 x=a b');
        const block = choice.after.get(GRUBENV);
        expect(real.env).toEqual(Buffer.isBuffer(block) && parseGrubEnv(block));
      }
    }),
    { numRuns: 60 },
  );
});
