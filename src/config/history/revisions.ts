import { StatectlError } from '../../error.ts';
import type { Git } from './git.ts';
import type { Snapshot } from './snapshot.ts';

export interface Revision {
  readonly id: string;
  readonly author: string;
  /** ISO 8601. */
  readonly time: string;
  readonly message: string;
  readonly files: readonly string[];
}

/** What a log is to tell of: at most so many, of one file, from this revision back. */
export interface LogOptions {
  readonly limit?: number;
  readonly path?: string;
  readonly from?: string;
}

/** The newest first. */
export async function readLog(git: Git, { limit = 20, path, from = 'HEAD' }: LogOptions): Promise<readonly Revision[]> {
  const format = '--format=%x01%H%x02%an%x02%aI%x02%B%x02';
  const paths = path === undefined ? [] : [path];
  const text = await git.run([
    'log',
    `-${limit}`,
    '--name-only',
    '-z',
    '--no-show-signature',
    format,
    from,
    '--',
    ...paths,
  ]);
  return text
    .split('\u0001')
    .filter(Boolean)
    .map((entry) => {
      const [id = '', author = '', time = '', message = '', names = ''] = entry.split('\u0002');
      return { id, author, time, message: message.trim(), files: names.split(/[\0\n]/).filter(Boolean) };
    });
}

/** All texts of a revision. */
export async function readRevision(git: Git, revision: string): Promise<Snapshot> {
  const listed = await git.run(['ls-tree', '-r', '-z', '--full-tree', revision]);
  const entries = listed.split('\0').flatMap((line) => {
    const [, id, name] = /^100\d{3} blob ([0-9a-f]+)\t(.+)$/s.exec(line) ?? [];
    return id && name ? [{ id, name }] : [];
  });
  const bytes = Buffer.from(await git.run(['cat-file', '--batch'], entries.map(({ id }) => `${id}\n`).join('')));
  const snapshot = new Map<string, string>();
  let at = 0;
  for (const { id, name } of entries) {
    const line = bytes.indexOf('\n', at);
    const [, size] = /^[0-9a-f]+ blob (\d+)$/.exec(bytes.toString('latin1', at, line)) ?? [];
    if (line < 0 || size === undefined)
      throw new StatectlError('git-failed', `${name} (${id}) cannot be read: is it text?`);
    snapshot.set(name, bytes.toString('utf8', line + 1, line + 1 + Number(size)));
    at = line + 1 + Number(size) + 1;
  }
  return snapshot;
}

/** The revision before one, to which it can be taken back. Throws `undo-…` with what to do instead. */
export async function revisionBefore(git: Git, revision: string): Promise<string> {
  const short = revision.slice(0, 12);
  const [parent, other] = ((await git.ask(['rev-list', '--parents', '-n1', revision])) ?? '').split(' ').slice(1);
  if (parent === undefined)
    throw new StatectlError('undo-first', `${short} is the first revision: there is nothing before it`, {
      hint: 'take single settings out with `statectl config set PATH --remove`',
    });
  if (other !== undefined)
    throw new StatectlError('undo-merge', `${short} is a merge of two lines: which one to go back to cannot be known`, {
      hint: 'undo what it brought revision by revision: `statectl config log` names them',
    });
  if ((await git.ask(['merge-base', '--is-ancestor', revision, 'HEAD'])) === undefined)
    throw new StatectlError('undo-elsewhere', `${short} is not in what the files come from`, {
      hint: '`statectl config log` names what can be undone',
    });
  return parent;
}
