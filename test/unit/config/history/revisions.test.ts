import { describe, expect, it } from 'vitest';
import { Git } from '../../../../src/config/history/git.ts';
import { readLog, readRevision, revisionBefore } from '../../../../src/config/history/revisions.ts';
import type { ProgramResult } from '../../../../src/host/memory/exec.ts';
import { memoryHost } from '../../../../src/host/memory.ts';

type Answer = string | ProgramResult;

/** A git that answers so to each of its verbs; what it was told stands in `words` and `inputs`. */
function gitThat(answers: Readonly<Record<string, Answer>>) {
  const words: string[][] = [];
  const inputs: string[] = [];
  const host = memoryHost({
    files: { '/c/.git/HEAD': '' },
    programs: {
      git(argv, input) {
        const said = argv.slice(argv.indexOf('gc.auto=0') + 1);
        words.push([...said]);
        inputs.push(input);
        return answers[said[0] ?? ''] ?? { exitCode: 2 };
      },
    },
  });
  return { git: new Git(host, '/c'), words, inputs };
}

describe('the log', () => {
  const entry = (id: string, message: string, names: string) =>
    `\u0001${id}\u0002ada\u00022026-11-20T12:00:00Z\u0002${message}\u0002${names}`;

  it('is read entry by entry, whatever stands in a message or a name', async () => {
    const log = entry('a1', '\nset x\n\nwhy: y\n', '\n\0a.conf\0b c.conf\0') + entry('b2', '', '');
    const { git, words } = gitThat({ log });
    expect(await readLog(git, {})).toEqual([
      {
        ...{ id: 'a1', author: 'ada', time: '2026-11-20T12:00:00Z', message: 'set x\n\nwhy: y' },
        files: ['a.conf', 'b c.conf'],
      },
      { id: 'b2', author: 'ada', time: '2026-11-20T12:00:00Z', message: '', files: [] },
    ]);
    expect(words).toEqual([
      [
        ...['log', '-20', '--name-only', '-z', '--no-show-signature', '--format=%x01%H%x02%an%x02%aI%x02%B%x02'],
        ...['HEAD', '--'],
      ],
    ]);
  });

  it('is of one file, from one revision back, and as long as is asked for', async () => {
    const { git, words } = gitThat({ log: '' });
    expect(await readLog(git, { limit: 1, path: 'a.conf', from: 'abc' })).toEqual([]);
    expect(words[0]?.join(' ')).toMatch(/^log -1 .* abc -- a\.conf$/);
  });
});

describe('the texts of a revision', () => {
  const ID = 'a'.repeat(40);
  const blob = (text: string) => `${ID} blob ${Buffer.byteLength(text)}\n${text}\n`;

  it('are read byte for byte, of files alone', async () => {
    const tree = [
      `100644 blob ${ID}\ta.conf`,
      `100755 blob ${ID}\tü b\n"c".conf`,
      `120000 blob ${ID}\tlink`,
      `160000 commit ${ID}\tmodule`,
      `100644 blob ${ID}\tempty`,
    ];
    const text = `${ID} blob 3\nü\n`;
    const { git, words, inputs } = gitThat({
      'ls-tree': `${tree.join('\0')}\0`,
      'cat-file': blob('ü\n') + blob(text) + blob(''),
    });
    expect(await readRevision(git, 'HEAD')).toEqual(
      new Map([
        ['a.conf', 'ü\n'],
        ['ü b\n"c".conf', text],
        ['empty', ''],
      ]),
    );
    expect(words).toEqual([
      ['ls-tree', '-r', '-z', '--full-tree', 'HEAD'],
      ['cat-file', '--batch'],
    ]);
    expect(inputs[1]).toBe(`${ID}\n${ID}\n${ID}\n`);
  });

  it.each(['', `${ID} missing\n`, `${ID} tree 2\nxx\n`, `${ID} blob 3`, `x${ID} blob 1\nx\n`])(
    'are not made up where git answers %j',
    async (batch) => {
      const { git } = gitThat({ 'ls-tree': `100644 blob ${ID}\ta.conf\0`, 'cat-file': batch });
      await expect(readRevision(git, 'HEAD')).rejects.toMatchObject({
        code: 'git-failed',
        message: `a.conf (${ID}) cannot be read: is it text?`,
      });
    },
  );

  it('are none of a revision without files', async () => {
    const { git } = gitThat({ 'ls-tree': '', 'cat-file': '' });
    expect(await readRevision(git, 'HEAD')).toEqual(new Map());
  });
});

describe('the revision before', () => {
  const before = (parents: string, isAncestor: Answer) => {
    const { git, words } = gitThat({ 'rev-list': parents, 'merge-base': isAncestor });
    return { before: revisionBefore(git, '0123456789abcdef'), words };
  };

  it('is its parent', async () => {
    const { before: found, words } = before('0123456789abcdef fedc\n', '');
    expect(await found).toBe('fedc');
    expect(words).toEqual([
      ['rev-list', '--parents', '-n1', '0123456789abcdef'],
      ['merge-base', '--is-ancestor', '0123456789abcdef', 'HEAD'],
    ]);
  });

  it.each([
    ['undo-first', '0123456789abcdef\n', ''],
    ['undo-merge', '0123456789abcdef fedc fedd\n', ''],
    ['undo-elsewhere', '0123456789abcdef fedc\n', { exitCode: 1 }],
  ])('is not known: %s', async (code, parents, isAncestor) => {
    await expect(before(parents, isAncestor).before).rejects.toMatchObject({
      code,
      message: expect.stringMatching(/^0123456789ab is /),
    });
  });
});
