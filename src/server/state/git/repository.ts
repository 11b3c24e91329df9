import { join } from 'node:path';
import { Git } from '../../../config/history/git.ts';
import { StatectlError } from '../../../error.ts';
import type { Host } from '../../../host/host.ts';
import { stationsTo } from '../../../host/owner.ts';
import { ownersHost } from '../../../host/owners-host.ts';
import type { Store } from '../../store/store.ts';

/** One bare repository, with git and files of whom it belongs to. */
export interface ConfigRepository {
  readonly git: Git;
  readonly host: Pick<Host, 'files' | 'exec' | 'clock'>;
  readonly path: string;
}

/** Includes that printers share: no printer has this name. */
export const COMMON = 'common';
export const MAIN = 'refs/heads/main';
export const CONFLICTS = 'refs/heads/conflict/';
/** What printers shipped beside the line. */
export const branchRef = (branch: string): string => `refs/heads/machine/${branch}`;
/** The last commit of what the printer itself has. */
export const SENT = 'refs/statectl/sent';

const DEFAULT_BRANCH = 'refs/statectl/default';

/**
 * `git/PRINTER/ITEM.git`, and `git/common/config.git`. `git` may be a link to where people and its owner can reach it: the state
 * itself is for the server's eyes alone.
 */
async function gitPath({ root, host: { files } }: Store): Promise<string> {
  const path = join(root, 'git');
  return (await files.stat(path))?.type === 'symlink' ? ((await stationsTo(files, path)).at(-1)?.path ?? path) : path;
}

const openAt = (store: Store, all: string, folder: string, name: string): ConfigRepository => {
  // Whom it belongs to may be another account than this server's: its members write to the repositories.
  const host = ownersHost(store.host, all);
  return { host, git: new Git(host, folder, name), path: join(folder, name) };
};

/** undefined: there is none. Throws `git-unusable`. */
export async function findRepository(
  store: Store,
  printer: string,
  item: string,
): Promise<ConfigRepository | undefined> {
  const all = await gitPath(store);
  const folder = join(all, printer);
  return (await store.host.files.stat(join(folder, `${item}.git`))) && openAt(store, all, folder, `${item}.git`);
}

export const commonRepository = (store: Store): Promise<ConfigRepository | undefined> =>
  findRepository(store, COMMON, 'config');

/** A group may push objects and branches, but for those that are made here. What says how git works there, and could run anything, is its owner's alone. */
const SHARED = ['objects', 'objects/pack', 'refs', 'refs/heads', 'refs/tags'];
const CONFIG = `[core]
\trepositoryformatversion = 0
\tfilemode = true
\tbare = true
\tsharedRepository = 0660
[receive]
\tfsckObjects = true
\tdenyNonFastForwards = true
\tdenyDeletes = true
\tmaxInputSize = 32m
\tautogc = false
\thideRefs = refs/heads/machine
\thideRefs = refs/heads/conflict
[transfer]
\thideRefs = refs/statectl
[gc]
\tauto = 0
`;

/** The repository of a printer's config; made where there is none, whole or not at all. Nobody else changes the printer meanwhile. */
export async function openRepository(store: Store, printer: string, item: string): Promise<ConfigRepository> {
  const found = await findRepository(store, printer, item);
  if (found) return found;
  const all = await gitPath(store);
  const folder = join(all, printer);
  if ((await store.host.files.stat(all)) === undefined) await store.host.files.mkdir(all, 0o2750);
  const fresh = openAt(store, all, folder, `${item}.new.git`);
  const { files } = fresh.host;
  await files.mkdir(folder, 0o2750);
  await files.remove(fresh.path);
  await fresh.git.init();
  for (const part of ['hooks', 'info', 'branches']) await files.remove(join(fresh.path, part));
  // Empty, so that nobody who may push puts one there.
  for (const part of ['hooks', 'info']) await files.mkdir(join(fresh.path, part), 0o750);
  await files.write(join(fresh.path, 'config'), CONFIG, { mode: 0o640 });
  // Whoever updates the branch that HEAD names locks HEAD, in a folder where nobody but the owner may write: it names it by another.
  await files.mkdir(join(fresh.path, 'refs/statectl'), 0o750);
  await files.write(join(fresh.path, DEFAULT_BRANCH), `ref: ${MAIN}\n`, { mode: 0o640 });
  await files.write(join(fresh.path, 'HEAD'), `ref: ${DEFAULT_BRANCH}\n`, { mode: 0o640 });
  await files.chmod(join(fresh.path, 'objects/info'), 0o2750);
  for (const part of SHARED) await files.chmod(join(fresh.path, part), 0o2770);
  // Who pushes makes folders in these two, and takes none of another's away.
  for (const part of ['objects', 'refs']) await files.chmod(join(fresh.path, part), 0o3770);
  await files.chmod(fresh.path, 0o2750);
  await files.rename(fresh.path, join(folder, `${item}.git`));
  return openAt(store, all, folder, `${item}.git`);
}

const COMMIT = /^[0-9a-f]{40}$/;
const LARGEST_REF_BYTES = 64 * 1024;

/** The commit of a ref, without a git: asked for each machine every few seconds. undefined: there is none. Throws `git-unusable`. */
export async function commitOf({ host, path }: ConfigRepository, ref: string): Promise<string | undefined> {
  const { files } = host;
  const own = join(path, ref);
  const type = (await files.stat(own))?.type;
  // A folder has no commit: git leaves empty ones.
  if (type !== undefined && type !== 'dir') {
    const { bytes, realPath } = await files.readRegular(own, LARGEST_REF_BYTES);
    const text = bytes.toString('latin1').trim();
    if (COMMIT.test(text) && realPath.endsWith(`/${ref}`)) return text;
    throw new StatectlError('git-unusable', `${own} names no commit`, {
      hint: `git -C ${path} update-ref ${ref} COMMIT sets it right`,
    });
  }
  // An admin's own `git gc` puts them together.
  const packed = join(path, 'packed-refs');
  if ((await files.stat(packed)) === undefined) return undefined;
  const { bytes } = await files.readRegular(packed, LARGEST_REF_BYTES * 16);
  const line = bytes
    .toString('latin1')
    .split('\n')
    .find((one) => one.slice(41) === ref);
  const commit = line?.slice(0, 40);
  return commit !== undefined && COMMIT.test(commit) ? commit : undefined;
}
