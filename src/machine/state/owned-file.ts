import { dirname } from 'node:path';
import { foldersAbove } from '../../config/settings/folders-above.ts';
import { StatectlError } from '../../error.ts';
import type { Account, Host } from '../../host/host.ts';

/** Of whom it shall be. */
export interface OwnedFile extends Account {
  readonly mode: number;
}

/**
 * Writes a file of somebody's, atomically, where nobody but us is at work yet (a boot). A folder of theirs may be a link by which
 * they had root write elsewhere: it is looked for. Throws `state-link`, `state-failed`.
 */
export async function writeOwnedFile(
  { files, exec }: Pick<Host, 'files' | 'exec'>,
  path: string,
  data: Uint8Array,
  { uid, gid, mode }: OwnedFile,
): Promise<void> {
  await onlyFolders(files, path);
  const fresh = `${dirname(path)}/.statectl-new`;
  await files.remove(fresh);
  await files.write(fresh, data, { mode: 0o600 });
  await give({ exec }, fresh, { uid, gid });
  await files.chmod(fresh, mode);
  await files.rename(fresh, path);
}

/** Makes a folder of somebody's where none is; the one around it must be there. Throws `state-link`, `state-failed`. */
export async function makeOwnedFolder(
  { files, exec }: Pick<Host, 'files' | 'exec'>,
  path: string,
  account: Account,
): Promise<void> {
  if (await files.stat(path)) return;
  await onlyFolders(files, path);
  await files.mkdir(path, 0o755);
  await give({ exec }, path, account);
}

async function onlyFolders(files: Pick<Host['files'], 'stat'>, path: string): Promise<void> {
  for (const folder of foldersAbove(path)) {
    const type = (await files.stat(folder))?.type;
    if (type !== 'dir')
      throw new StatectlError('state-link', `${folder} is ${type ? `a ${type}` : 'not there'}: ${path} is not written`);
  }
}

async function give({ exec }: Pick<Host, 'exec'>, path: string, { uid, gid }: Account): Promise<void> {
  const { exitCode, stderr } = await exec.run(['chown', '-h', `${uid}:${gid}`, path]);
  if (exitCode !== 0)
    throw new StatectlError('state-failed', `${path} cannot be given to ${uid}:${gid}: ${stderr.trim()}`);
}
