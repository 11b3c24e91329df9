import { posix } from 'node:path';
import type { Host, RunResult, Stat } from '../../../src/host/host.ts';

/** One entry of a fake tree; `error` is the code that every look at it ends with. */
export interface Entry extends Partial<Stat> {
  readonly content?: string;
  readonly target?: string;
  readonly error?: string;
}

export const file = (content: string, more: Partial<Stat> = {}): Entry => ({ type: 'file', content, ...more });
export const dir = (more: Partial<Stat> = {}): Entry => ({ type: 'dir', mode: 0o755, ...more });
export const symlink = (target: string): Entry => ({ type: 'symlink', target, mode: 0o777 });
export const whiteout: Entry = { type: 'char' };
export const unreadable: Entry = { type: 'file', error: 'EIO' };

const failure = (code: string, path: string) => Object.assign(new Error(`${code}: ${path}`), { code });

type Programs = Readonly<Record<string, Partial<RunResult>>>;

/** Read-only files by path, with the directories above them made up; whatever program is not named is not installed. */
export function fakeTree(tree: Readonly<Record<string, Entry>>, programs: Programs = {}) {
  const entries = new Map(Object.entries(tree));
  for (const path of Object.keys(tree))
    for (let up = posix.dirname(path); !entries.has(up); up = posix.dirname(up)) entries.set(up, dir());
  const get = (path: string): Entry => {
    const entry = entries.get(path);
    if (entry === undefined) throw failure('ENOENT', path);
    if (entry.error !== undefined) throw failure(entry.error, path);
    return entry;
  };
  const statOf = ({ content, target, ...stat }: Entry): Stat => ({
    ...{ type: 'file', mode: 0o644, uid: 0, gid: 0, mtimeMs: 0, rdev: { major: 0, minor: 0 } },
    ...{ sizeBytes: (content ?? target ?? '').length },
    ...stat,
  });
  const reads: string[] = [];
  const files = {
    list: async (path: string) => {
      if (get(path).type !== 'dir') throw failure('ENOTDIR', path);
      return [...entries.keys()]
        .filter((at) => at !== path && posix.dirname(at) === path)
        .map((at) => posix.basename(at));
    },
    stat: async (path: string) => (entries.has(path) ? statOf(get(path)) : undefined),
    readlink: async (path: string) => get(path).target ?? '',
    readStream: async function* (path: string) {
      reads.push(path);
      yield Buffer.from(get(path).content ?? '');
    },
  };
  const exec = {
    run: async ([program = '']: readonly string[]) => {
      const result = programs[program];
      if (result === undefined) throw new Error(`cannot start "${program}"`);
      return { exitCode: 0, stdout: '', stderr: '', ...result };
    },
  };
  return { host: { files, exec } as unknown as Pick<Host, 'files' | 'exec'>, reads };
}
