import { filesAs } from './files-as.ts';
import type { Account, Files, Host } from './host.ts';
import { mayRead, ownerOf, stationsTo } from './owner.ts';
import { systemError } from './system-error.ts';

/** What the work in another's folder is done with. */
interface Owner {
  readonly account: Account;
  readonly files: Files;
  /** The folder itself, no part of it a link. */
  readonly realFolder: string;
}

/** What the host of an owner was made of. */
const BENEATH = new WeakMap<Files, Pick<Host, 'files'> & Partial<Pick<Host, 'exec'>>>();

/**
 * The host for work in one folder. Root takes the rights of whom it belongs to for every program and every write there, and
 * reads with `readRegular` nothing that they could not: whoever owns a config.d gets nothing of root by it. For anyone else,
 * and for root in a folder that is root's alone, it is the host as it was. One of another folder is not laid over: a folder in
 * a folder may be another's. `whose`: `ownerOf` for what somebody else wrote there and root reads, `holderOf` for what is root's own work.
 */
export function ownersHost<H extends Pick<Host, 'files'> & Partial<Pick<Host, 'exec'>>>(
  host: H,
  folder: string,
  whose: typeof ownerOf = ownerOf,
): H {
  const { files, exec } = BENEATH.get(host.files) ?? host;
  let found: Promise<Owner | undefined> | undefined;
  const owner = () => {
    found ??= findOwner();
    return found;
  };
  async function findOwner(): Promise<Owner | undefined> {
    const account = await whose(files, folder);
    if (account === undefined) return undefined;
    const realFolder = (await stationsTo(files, folder)).at(-1)?.path ?? folder;
    return { account, files: exec ? filesAs({ files, exec }, account) : files, realFolder };
  }
  const own = async (): Promise<Files> => (await owner())?.files ?? files;
  const theirs: Files = {
    ...files,
    async readRegular(path, limitBytes) {
      const [read, other] = [await files.readRegular(path, limitBytes), await owner()];
      if (other && !(read.realPath.startsWith(`${other.realFolder}/`) && mayRead(read.stat, other.account)))
        throw systemError('EACCES', 'open', path);
      return read;
    },
    write: async (...words) => (await own()).write(...words),
    append: async (...words) => (await own()).append(...words),
    overwrite: async (...words) => (await own()).overwrite(...words),
    mkdir: async (...words) => (await own()).mkdir(...words),
    symlink: async (...words) => (await own()).symlink(...words),
    rename: async (...words) => (await own()).rename(...words),
    remove: async (...words) => (await own()).remove(...words),
    chmod: async (...words) => (await own()).chmod(...words),
    appendStream: async (...words) => (await own()).appendStream(...words),
  };
  BENEATH.set(theirs, { files, ...(exec && { exec }) });
  if (exec === undefined) return { ...host, files: theirs };
  const run: Host['exec']['run'] = async (argv, options) => {
    const account = (await owner())?.account;
    return await exec.run(argv, { ...options, ...(account && { as: account }) });
  };
  return { ...host, files: theirs, exec: { run } };
}
