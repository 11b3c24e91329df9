import { dirname, join } from 'node:path/posix';
import type { Account, Files, Stat } from './host.ts';

/** path_resolution(7): the kernel gives up after so many. */
const MOST_LINKS = 40;

interface Station {
  readonly path: string;
  readonly stat: Stat;
}

/** Each folder and link on the way to a path, the root first; the last is where it leads to, if anything is there. */
export async function stationsTo(files: Pick<Files, 'stat' | 'readlink'>, path: string): Promise<readonly Station[]> {
  const stations: Station[] = [];
  const visit = async (at: string): Promise<Stat | undefined> => {
    const stat = await files.stat(at);
    if (stat) stations.push({ path: at, stat });
    return stat;
  };
  let at = '/';
  let links = 0;
  await visit(at);
  const left = path.split('/');
  for (let part = left.shift(); part !== undefined; part = left.shift()) {
    if (part === '' || part === '.') continue;
    const next = part === '..' ? dirname(at) : join(at, part);
    const stat = await visit(next);
    if (stat === undefined) break;
    if (stat.type !== 'symlink') {
      at = next;
      continue;
    }
    links += 1;
    if (links > MOST_LINKS) break;
    const target = await files.readlink(next);
    if (target.startsWith('/')) at = '/';
    left.unshift(...target.split('/'));
  }
  return stations;
}

/** The uid whose rights this process has; undefined where nothing tells. */
export async function ownUid(files: Pick<Files, 'readText'>): Promise<number | undefined> {
  const status = await files.readText('/proc/self/status').catch(() => '');
  const [, effective] = /^Uid:\t\d+\t(\d+)/m.exec(status) ?? [];
  return effective === undefined ? undefined : Number(effective);
}

/**
 * Whose rights root takes for its work in a folder: those of the first on the way to it who is not root, since they can put
 * another in its place at any moment. undefined: our own, also because only root can take others.
 */
export async function ownerOf(
  files: Pick<Files, 'stat' | 'readlink' | 'readText'>,
  folder: string,
): Promise<Account | undefined> {
  if ((await ownUid(files)) !== 0) return undefined;
  return await accountOf(files, (await stationsTo(files, folder)).find(({ stat }) => stat.uid !== 0)?.stat);
}

/**
 * Whom a folder itself belongs to, or where it is not there yet the one that it is made in: whose what root makes in it is to be.
 * undefined: our own, also of root's folder below another's, into which that other could write nothing.
 */
export async function holderOf(
  files: Pick<Files, 'stat' | 'readlink' | 'readText'>,
  folder: string,
): Promise<Account | undefined> {
  if ((await ownUid(files)) !== 0) return undefined;
  const folders = (await stationsTo(files, folder)).filter(({ stat }) => stat.type === 'dir');
  return await accountOf(files, folders.at(-1)?.stat);
}

async function accountOf(files: Pick<Files, 'readText'>, of: Stat | undefined): Promise<Account | undefined> {
  if (of === undefined || of.uid === 0) return undefined;
  const { uid, gid } = of;
  return { uid, gid: (await passwdEntry(files, uid))?.gid ?? gid };
}

/** What passwd(5) says of a uid. */
export async function passwdEntry(
  files: Pick<Files, 'readText'>,
  uid: number,
): Promise<{ readonly name: string; readonly gid: number } | undefined> {
  const passwd = await files.readText('/etc/passwd').catch(() => '');
  const line = passwd.split('\n').find((one) => one.split(':')[2] === String(uid));
  const [name, , , gid] = line?.split(':') ?? [];
  return name && /^\d+$/.test(gid ?? '') ? { name, gid: Number(gid) } : undefined;
}

/** Whether the mode lets an account read it. Access lists are not asked: they can only be kinder. */
export function mayRead({ uid, gid, mode }: Stat, account: Account): boolean {
  const bit = uid === account.uid ? 0o400 : gid === account.gid ? 0o040 : 0o004;
  return (mode & bit) !== 0;
}
