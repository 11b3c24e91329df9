import { join, resolve } from 'node:path/posix';
import { isStatectlError, reasonOf, StatectlError } from '../../error.ts';
import type { Account, Files } from '../../host/host.ts';
import { ownerOf, ownUid, passwdEntry, stationsTo } from '../../host/owner.ts';

/** Where a repository keeps itself, and what is said there. */
export interface GitPlace {
  /** Of this work tree: `.git`, or what the file `.git` of a linked work tree or a submodule names. */
  readonly gitDir: string;
  /** Another work tree of the same repository has refs in common with this one, in this folder. */
  readonly commonDir: string;
}

/** gitrepository-layout(5): folders in which git follows every name, or `objects` with its hundreds of plain files. */
const WALKED = /^(?:refs|logs|info|objects\/(?:info|pack))(?:\/|$)|^objects$/;
/** Never run: core.hooksPath. A lock is made, never followed: O_EXCL. */
const HARMLESS = /^hooks$|\.lock(?:\.break)?$/;
/** One that names alternates that name alternates: git gives up after five. */
const MOST_ALTERNATES = 20;
const LONGEST_POINTER_BYTES = 64 * 1024;

const CONFIGURATIONS = ['config', 'config.worktree'];
/** git-config(1). A header may follow another on its line. */
const INCLUDES = /\[\s*include(?:if)?[\].\s]/i;

const unusable = (what: string, hint: string): StatectlError => new StatectlError('git-unusable', what, { hint });

/**
 * Finds the repository of a config.d, or where it would be, or a bare one (`own`) in a folder, without running git over it. Throws `git-unusable` where `.git` is none, where a part of
 * it is a link or belongs to somebody else: whoever owns a config.d must not choose where statectl writes, nor what root runs.
 */
export async function findGitPlace(files: Files, dir: string, own = `${dir}/.git`): Promise<GitPlace> {
  const link = await files.stat(own);
  if (link === undefined) return { gitDir: own, commonDir: own };
  if (link.type !== 'dir' && link.type !== 'file') throw noRepository(own, `it is a ${link.type}`);
  const named = link.type === 'dir' ? own : resolve(dir, await pointerIn(files, own, /^gitdir: ([^\0\n]+)\n*$/));
  const gitDir = await folderAt(files, named, own);
  const common = (await files.stat(`${gitDir}/commondir`))
    ? await pointerIn(files, `${gitDir}/commondir`, /^([^\0\n]+)\n*$/)
    : '.';
  const commonDir = await folderAt(files, resolve(gitDir, common), own);
  const who = { isRoot: (await ownUid(files)) === 0, account: await ownerOf(files, dir) };
  for (const folder of new Set([gitDir, commonDir])) {
    await needsOwner(files, dir, who, folder);
    await needsPlainParts(files, folder, who.isRoot && who.account === undefined ? 0 : undefined);
    for (const name of CONFIGURATIONS) await needsNoIncludes(files, `${folder}/${name}`);
  }
  await needsOwnAlternates(files, dir, who, `${commonDir}/objects`);
  return { gitDir, commonDir };
}

const noRepository = (own: string, why: string): StatectlError =>
  unusable(`${own} is no git repository: ${why}`, 'mend it, or move it away: statectl makes a new history then');

async function pointerIn(files: Files, path: string, form: RegExp): Promise<string> {
  const { bytes } = await files.readRegular(path, LONGEST_POINTER_BYTES).catch((error: unknown) => {
    throw noRepository(path, reasonOf(error));
  });
  const [, target] = form.exec(bytes.toString('utf8')) ?? [];
  if (target === undefined) throw noRepository(path, 'it names no folder');
  return target;
}

async function folderAt(files: Files, path: string, own: string): Promise<string> {
  const last = (await stationsTo(files, path)).at(-1);
  if (last?.stat.type !== 'dir' || !(await files.stat(`${path}/.`)))
    throw noRepository(own, `there is no folder ${path}`);
  return last.path;
}

/** With whose rights statectl works. */
interface Who {
  readonly isRoot: boolean;
  /** Of another than this process. */
  readonly account: Account | undefined;
}

/** Its owner, and whoever could put another in its place, is the owner of config.d. */
async function needsOwner(files: Files, dir: string, { isRoot, account }: Who, folder: string): Promise<void> {
  const stations = await stationsTo(files, dir);
  // A repository that several people share is theirs to answer for, as long as it is in its place.
  if (!isRoot && folder.startsWith(`${stations.at(-1)?.path}/`)) return;
  const found = (await files.stat(folder))?.uid;
  const uid = isRoot ? (account?.uid ?? 0) : stations.at(-1)?.stat.uid;
  if (found === uid && (await ownerOf(files, folder))?.uid === account?.uid) return;
  const owner = await nameOf(files, uid);
  throw unusable(
    `${folder} belongs to ${await nameOf(files, found)}, and ${dir} to ${owner}: statectl works there with the rights of ${owner} alone`,
    `give both to one owner: chown -hR ${owner} ${dir} ${folder}`,
  );
}

/** By name where it has one. */
export const nameOf = async (files: Files, uid: number | undefined): Promise<string> =>
  uid === undefined ? 'nobody' : ((await passwdEntry(files, uid))?.name ?? String(uid));

async function needsPlainParts(files: Files, gitDir: string, uid: number | undefined): Promise<void> {
  const walk = async (prefix: string): Promise<void> => {
    const names = (await files.list(join(gitDir, prefix))).map((name) => join(prefix, name));
    const parts = await Promise.all(names.map(async (name) => ({ name, stat: await files.stat(join(gitDir, name)) })));
    for (const { name, stat } of parts) {
      if (stat === undefined || HARMLESS.test(name) || stat.type === 'socket') continue;
      const path = join(gitDir, name);
      if (stat.type !== 'dir' && stat.type !== 'file')
        throw unusable(
          `${path} is a ${stat.type}: it may lead anywhere`,
          'statectl works in no such repository: put the file or folder itself in its place',
        );
      if (uid !== undefined && stat.uid !== uid)
        throw unusable(
          `${path} belongs to ${await nameOf(files, stat.uid)}: root runs no git over it`,
          `give it to root: chown -hR root ${gitDir}; or give all of config.d to one account, and statectl works as that one`,
        );
      if (stat.type === 'dir' && WALKED.test(name)) await walk(name);
    }
  };
  await walk('.');
}

/** git reads what is included at each call, whatever and whose it is, and waits where it is a pipe. Nothing switches that off. */
async function needsNoIncludes(files: Files, path: string): Promise<void> {
  if ((await files.stat(path)) === undefined) return;
  const lines = (await textOf(files, path)).split('\n').filter((line) => !/^\s*[#;]/.test(line));
  if (INCLUDES.test(lines.join('\n')))
    throw unusable(
      `${path} includes other files, which may be anybody's`,
      `write into ${path} what they say, without [include]`,
    );
}

/** Objects that are borrowed are served as they are: by nobody else. */
async function needsOwnAlternates(files: Files, dir: string, { account }: Who, objects: string): Promise<void> {
  const waiting = [objects];
  for (let seen = 0; waiting.length > 0; seen += 1) {
    const store = waiting.shift() as string;
    if (seen > MOST_ALTERNATES) throw unusable(`${objects} borrows from too many repositories`, 'git repack -ad there');
    const list = `${store}/info/alternates`;
    if ((await files.stat(list)) === undefined) continue;
    const text = await textOf(files, list);
    for (const line of text.split('\n').filter((one) => one !== '' && !one.startsWith('#'))) {
      const isPlain = !line.startsWith('"') && !line.includes('\0');
      const other = resolve(store, line);
      if (!isPlain || (await ownerOf(files, other))?.uid !== account?.uid)
        throw unusable(
          `${list} borrows from ${line}, which belongs to somebody else`,
          `make it stand alone: git -C ${dir} repack -ad, then remove ${list}`,
        );
      waiting.push(other);
    }
  }
}

const textOf = async (files: Files, path: string): Promise<string> => {
  try {
    return (await files.readRegular(path, LONGEST_POINTER_BYTES)).bytes.toString('utf8');
  } catch (error) {
    throw isStatectlError(error)
      ? error
      : unusable(`${path} cannot be read: ${reasonOf(error)}`, 'mend it or remove it');
  }
};
