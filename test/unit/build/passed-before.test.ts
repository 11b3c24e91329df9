import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { PassedBefore, treeDigest } from '../../../build/passed-before.ts';

let dir: string;
let kept: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'statectl-passed-'));
  kept = join(dir, 'cache/long-run.json');
});
afterEach(() => rmSync(dir, { recursive: true }));

type Module = Parameters<PassedBefore['onTestModuleEnd']>[0];
const module = (file: string, ...states: readonly ('passed' | 'failed' | 'skipped' | 'pending')[]): Module => {
  const tests = states.map((state) => ({ result: () => ({ state }) }));
  const children = { allTests: () => tests.values() } as unknown as Module['children'];
  return { moduleId: resolve(file), children, ok: () => !states.includes('failed') };
};

describe('a long run that is begun again', () => {
  it('knows the files that passed on the same tree, and how many tests they have', () => {
    const first = new PassedBefore(kept, 'tree');
    first.onTestModuleEnd(module('test/boot/a.test.ts', 'passed', 'passed', 'skipped'));
    first.onTestModuleEnd(module('test/boot/b.test.ts', 'passed', 'failed'));
    first.onTestModuleEnd(module('test/boot/c.test.ts', 'passed', 'pending'));
    const second = new PassedBefore(kept, 'tree');
    second.onTestModuleEnd(module('test/boot/b.test.ts', 'passed', 'passed'));
    expect([...new PassedBefore(kept, 'tree').files]).toEqual([
      ['test/boot/a.test.ts', { passed: 2, skipped: 1 }],
      ['test/boot/b.test.ts', { passed: 2, skipped: 0 }],
    ]);
  });

  it('begins anew on another tree, on none that git knows, and after a power cut that left half of what was kept', () => {
    new PassedBefore(kept, 'tree').onTestModuleEnd(module('test/boot/a.test.ts', 'passed'));
    expect(new PassedBefore(kept, 'other').files.size).toBe(0);
    const unknown = new PassedBefore(kept, undefined);
    unknown.onTestModuleEnd(module('test/boot/b.test.ts', 'passed'));
    expect([...new PassedBefore(kept, 'tree').files.keys()]).toEqual(['test/boot/a.test.ts']);
    writeFileSync(kept, readFileSync(kept).subarray(0, 20));
    expect(new PassedBefore(kept, 'tree').files.size).toBe(0);
  });
});

it('a tree is another when any file of it is, committed or not, and the same with another file that git ignores', async () => {
  const write = (name: string, text: string) => writeFileSync(join(dir, name), text);
  expect(await treeDigest(dir)).toBeUndefined();
  execFileSync('git', ['init', '-q', dir]);
  write('.gitignore', 'made\n');
  write('a', 'one');
  const first = await treeDigest(dir);
  write('made', 'x');
  expect(await treeDigest(dir)).toBe(first);
  const digests = [first];
  for (const change of [() => write('a', 'two'), () => write('b', 'new'), () => rmSync(join(dir, 'a'))]) {
    change();
    digests.push(await treeDigest(dir));
  }
  expect(new Set(digests).size).toBe(4);
});
