import { dirname } from 'node:path/posix';
import type { Host } from '../host/host.ts';

/** Absolute paths that a builder makes things at. */
export interface Makes {
  /** Folders made anew as a whole; all but `tree` in them, which has the owners of a system. */
  readonly anew?: readonly string[];
  /** Single files. */
  readonly files?: readonly string[];
  /** Folders that get more; those below one of them that is there are its content. */
  readonly addedTo?: readonly string[];
}

/** Whoever called sudo. */
export interface Caller {
  readonly uid: number;
  readonly gid: number;
}

/** Who called sudo, by what it says in the environment; nobody where root is not by sudo, or calls itself. */
export function sudoCaller(
  env: Readonly<Record<string, string | undefined>>,
  uid: number | undefined,
): Caller | undefined {
  const [caller, group] = [env.SUDO_UID, env.SUDO_GID].map((text) =>
    /^\d{1,10}$/.test(text ?? '') ? Number(text) : 0,
  );
  return uid === 0 && caller ? { uid: caller, gid: group || caller } : undefined;
}

/**
 * Does the task, and gives what it made at these places, also where it failed, to whoever called sudo: so the next step,
 * without sudo, can use it. What is put into a folder that was there gets the owner of that folder: in /boot it stays root's.
 */
export async function forCaller<T>(
  host: Pick<Host, 'files' | 'exec'>,
  caller: Caller | undefined,
  { anew = [], files = [], addedTo = [] }: Makes,
  task: () => Promise<T>,
): Promise<T> {
  if (!caller) return task();
  const there = await Promise.all(addedTo.map((path) => host.files.stat(path)));
  const isContent = (path: string) => addedTo.some((other, index) => there[index] && path.startsWith(`${other}/`));
  const folders = addedTo.filter((path, index) => there[index] || !isContent(path));
  const before = await Promise.all(folders.map((path) => stateOf(host, path)));
  const beside = await Promise.all(files.map(async (path) => ({ path, owner: await host.files.stat(dirname(path)) })));
  const missing = await missingFolders(host, [...folders, ...[...anew, ...files].map(dirname)]);
  try {
    return await task();
  } finally {
    await give(host, caller, missing);
    for (const path of anew) await give(host, caller, [path, ...(await contentOf(host, path))]);
    for (const { path, owner = caller } of beside) await give(host, owner, [path]);
    for (const { path, owner = caller, marks } of before) {
      const now = await marksIn(host, path);
      const added = [...now].flatMap(([name, mark]) => (mark === marks.get(name) ? [] : [`${path}/${name}`]));
      await give(host, owner, added, 'with all in it');
    }
  }
}

async function stateOf(host: Pick<Host, 'files'>, path: string) {
  const stat = await host.files.stat(path);
  return { path, marks: await marksIn(host, path), ...(stat && { owner: { uid: stat.uid, gid: stat.gid } }) };
}

/** What tells each file of a folder from another that takes its place. */
async function marksIn(host: Pick<Host, 'files'>, path: string): Promise<ReadonlyMap<string, string>> {
  const marks = new Map<string, string>();
  for (const name of await namesIn(host, path)) {
    const stat = await host.files.stat(`${path}/${name}`);
    if (stat) marks.set(name, `${stat.type} ${stat.uid} ${stat.type === 'file' ? stat.mtimeMs : ''}`);
  }
  return marks;
}

/** These folders and those above them, as far as they are not there. */
async function missingFolders({ files }: Pick<Host, 'files'>, paths: readonly string[]): Promise<readonly string[]> {
  const missing = new Set<string>();
  for (let path of paths)
    for (; !missing.has(path) && !(await files.stat(path)); path = dirname(path)) missing.add(path);
  return [...missing];
}

const namesIn = async ({ files }: Pick<Host, 'files'>, path: string): Promise<readonly string[]> =>
  (await files.stat(path))?.type === 'dir' ? files.list(path) : [];

const contentOf = async (host: Pick<Host, 'files'>, path: string): Promise<readonly string[]> =>
  (await namesIn(host, path)).filter((name) => name !== 'tree').map((name) => `${path}/${name}`);

/** Never through a link. What is gone, or on a file system without owners, is no reason to fail. */
async function give(
  { files, exec }: Pick<Host, 'files' | 'exec'>,
  { uid, gid }: Caller,
  paths: readonly string[],
  extent: 'alone' | 'with all in it' = 'alone',
): Promise<void> {
  const there: string[] = [];
  for (const path of paths) if (await files.stat(path)) there.push(path);
  if (there.length === 0) return;
  await exec.run(['chown', '-h', ...(extent === 'alone' ? [] : ['-R']), `${uid}:${gid}`, '--', ...there]);
}
