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
  for (const folder of foldersAbove(path)) {
    const type = (await files.stat(folder))?.type;
    if (type !== 'dir')
      throw new StatectlError('state-link', `${folder} is ${type ? `a ${type}` : 'not there'}: ${path} is not written`);
  }
  const fresh = `${dirname(path)}/.statectl-new`;
  await files.remove(fresh);
  await files.write(fresh, data, { mode: 0o600 });
  const { exitCode, stderr } = await exec.run(['chown', '-h', `${uid}:${gid}`, fresh]);
  if (exitCode !== 0)
    throw new StatectlError('state-failed', `${path} cannot be given to ${uid}:${gid}: ${stderr.trim()}`);
  await files.chmod(fresh, mode);
  await files.rename(fresh, path);
}
