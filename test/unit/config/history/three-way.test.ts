import { beforeEach, describe, expect, it } from 'vitest';
import { Git } from '../../../../src/config/history/git.ts';
import { mergeTexts, type Versions } from '../../../../src/config/history/three-way.ts';
import type { ProgramResult } from '../../../../src/host/memory/exec.ts';
import { type MemoryHost, memoryHost } from '../../../../src/host/memory.ts';

const FOLDER = '/c/.git/statectl-merge';

let host: MemoryHost;
let answer: () => ProgramResult;
let merged: string[];
beforeEach(() => {
  merged = [];
  host = memoryHost({
    files: { '/c/.git/HEAD': '' },
    programs: {
      async git(argv) {
        expect((await host.files.stat(FOLDER))?.mode).toBe(0o700);
        for (const path of argv.slice(-3)) merged.push(`${path} has ${await host.files.readText(path)}`);
        return answer();
      },
    },
  });
});
const merge = (ours: Versions['ours'], base: Versions['base'], theirs: Versions['theirs']) =>
  mergeTexts(host, new Git(host, '/c'), { ours, base, theirs });

describe('taking a change back', () => {
  it.each([
    ['nothing came after it', 'b', 'b', 'a', 'a'],
    ['the file was new', 'b', 'b', undefined, undefined],
    ['the file was removed', undefined, undefined, 'a', 'a'],
    ['nothing is left of it', 'x', 'a', 'a', 'x'],
    ['somebody did it already', 'a', 'b', 'a', 'a'],
    ['the file is gone since', undefined, 'b', 'a', 'conflict'],
    ['the file was new, and changed since', 'x', 'b', undefined, 'conflict'],
    ['the file was removed, and is there again', 'x', undefined, 'a', 'conflict'],
  ])('needs no git where %s', async (_title, ours, base, theirs, result) => {
    expect(await merge(ours, base, theirs)).toBe(result);
    expect(host.commands).toEqual([]);
  });

  it('of a file that changed elsewhere since is git’s to do, in a folder that is gone afterwards', async () => {
    answer = () => ({ stdout: 'merged\n' });
    expect(await merge('x', 'b', 'a')).toBe('merged\n');
    expect(merged).toEqual([`${FOLDER}/ours has x`, `${FOLDER}/base has b`, `${FOLDER}/theirs has a`]);
    expect(host.commands[0]).toMatch(/ merge-file -p -q \S+ \S+ \S+$/);
    expect(await host.files.stat(FOLDER)).toBeUndefined();
  });

  it('of the same lines is a conflict, whatever git printed', async () => {
    answer = () => ({ exitCode: 1, stdout: '<<<<<<<' });
    expect(await merge('x', 'b', 'a')).toBe('conflict');
    answer = () => {
      throw new Error('killed');
    };
    await expect(merge('x', 'b', 'a')).rejects.toThrow('killed');
    expect(await host.files.stat(FOLDER)).toBeUndefined();
  });
});
