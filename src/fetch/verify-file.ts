import { createHash } from 'node:crypto';
import { reasonOf, StatectlError } from '../error.ts';
import type { Host } from '../host/host.ts';

/** Hashes a file that is there already. Throws `image-altered`, also where the disk does not give it: the other system may be whole. */
export async function verifyFile(
  { files }: Pick<Host, 'files'>,
  { path, sha256, sizeBytes }: { readonly path: string; readonly sha256: string; readonly sizeBytes: number },
): Promise<void> {
  const altered = (what: string) =>
    new StatectlError('image-altered', `${path} ${what}`, {
      hint: 'the copy is damaged; with a server in reach it is fetched anew',
    });
  const unread = (error: unknown): never => {
    throw altered(`cannot be read: ${reasonOf(error)}`);
  };
  const stat = await files.stat(path).catch(unread);
  if (!stat) throw altered('is missing');
  if (stat.sizeBytes !== sizeBytes) throw altered(`has ${stat.sizeBytes} bytes, the signed manifest says ${sizeBytes}`);
  const hash = createHash('sha256');
  try {
    for await (const chunk of files.readStream(path)) hash.update(chunk);
  } catch (error) {
    unread(error);
  }
  const actual = hash.digest('hex');
  if (actual !== sha256) throw altered(`has SHA-256 ${actual}, the signed manifest says ${sha256}`);
}
