import { describe, expect, it } from 'vitest';
import { fastImport, type ImportedCommit } from '../../../../src/config/history/fast-import.ts';

const stream = (changes: Partial<ImportedCommit>): string =>
  fastImport({
    ...{ ref: 'refs/heads/main', parent: undefined, old: new Map(), next: new Map(), message: 'x', timeMs: 1_999 },
    author: { name: 'ada', email: 'ada@lab' },
    ...changes,
  });
const authorOf = (name: string, email?: string) =>
  /^author (.*) 1 \+0000$/m.exec(stream({ author: { name, ...(email !== undefined && { email }) } }))?.[1];

describe('a commit for git fast-import', () => {
  it('has what changed between two snapshots, in bytes, and who says so', () => {
    const old = new Map([
      ['a.conf', '1\n'],
      ['gone.conf', '2\n'],
      ['same.conf', '3\n'],
    ]);
    const next = new Map([
      ['same.conf', '3\n'],
      ['new/ü.conf', 'ü'],
      ['a.conf', '4\n'],
    ]);
    expect(stream({ parent: 'abc', old, next, message: 'Größer' })).toBe(
      [
        'commit refs/heads/main',
        'author ada <ada@lab> 1 +0000',
        'committer statectl <statectl@localhost> 1 +0000',
        'data 8\nGrößer',
        'from abc',
        'M 100644 inline "a.conf"\ndata 2\n4\n',
        'D "gone.conf"',
        'M 100644 inline "new/ü.conf"\ndata 2\nü',
        '\ndone\n',
      ].join('\n'),
    );
  });

  it('has no parent where it is the first', () => {
    expect(stream({})).toBe(
      'commit refs/heads/main\nauthor ada <ada@lab> 1 +0000\ncommitter statectl <statectl@localhost> 1 +0000\ndata 1\nx\n\ndone\n',
    );
  });

  it('says of no name more than the name of a file', () => {
    const names = ['a "b".conf', 'a\\b.conf', 'a\nD other.conf', ' a'];
    const next = new Map(names.map((name) => [name, 'x']));
    expect(stream({ next }).match(/^M .*$/gm)).toEqual([
      'M 100644 inline " a"',
      'M 100644 inline "a\\nD other.conf"',
      'M 100644 inline "a \\"b\\".conf"',
      'M 100644 inline "a\\\\b.conf"',
    ]);
  });

  it.each([
    ['ada', undefined, 'ada <ada@localhost>'],
    ['Ada L.  K', undefined, 'Ada L.  K <Ada-L.-K@localhost>'],
    ['ada <root@x>\nfrom 1\0', 'a<b>@\nlab', 'ada root@xfrom 1 <ab@lab>'],
    [' ada ', ' a@b ', 'ada <a@b>'],
    ['<>', '', 'unknown <unknown>'],
  ])('has an author, whatever %j with %j is called', (name, email, said) => {
    expect(authorOf(name, email)).toBe(said);
  });
});
