import { createHash } from 'node:crypto';
import { StatectlError } from '../error.ts';
import type { Host } from '../host/host.ts';

/** Hashes a file that is there already. Throws `image-altered`. */
export async function verifyFile(
  { files }: Pick<Host, 'files'>,
  { path, sha256, sizeBytes }: { readonly path: string; readonly sha256: string; readonly sizeBytes: number },
): Promise<void> {
  const stat = await files.stat(path);
  const altered = (what: string) =>
    new StatectlError('image-altered', `${path} ${what}`, {
      hint: 'the copy is damaged; with a server in reach it is fetched anew',
    });
  if (!stat) throw altered('is missing');
  if (stat.sizeBytes !== sizeBytes) throw altered(`has ${stat.sizeBytes} bytes, the signed manifest says ${sizeBytes}`);
  const hash = createHash('sha256');
  for await (const chunk of files.readStream(path)) hash.update(chunk);
  const actual = hash.digest('hex');
  if (actual !== sha256) throw altered(`has SHA-256 ${actual}, the signed manifest says ${sha256}`);
}
