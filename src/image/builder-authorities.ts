import { createPublicKey } from 'node:crypto';
import { StatectlError } from '../error.ts';
import type { Host } from '../host/host.ts';
import { authoritiesOfMachines } from '../identity/certificates/authority.ts';
import { keyDigest } from '../identity/certificates/fingerprint.ts';
import { currentPath, nextPath } from '../identity/keys/key-places.ts';

/**
 * The builder bakes the authorities' certificates into every initramfs, so it gets copies where it looks for them: that of
 * the one that signs, and of the one that follows. Throws `ca-differs` for a copy of an authority that never was the server's.
 */
export async function giveAuthorities({ files }: Pick<Host, 'files'>, online: string, keys: string): Promise<void> {
  const read = async (path: string) => ((await files.stat(path)) ? await files.readText(path) : undefined);
  const [from, to] = [`${currentPath(online, 'ca')}.pem`, `${currentPath(keys, 'ca')}.pem`];
  const [there, known] = [await read(to), await authoritiesOfMachines({ files }, online)];
  const digest = (pem: string) => keyDigest(createPublicKey(pem));
  if (there !== undefined && !known.map(digest).includes(digest(there)))
    throw new StatectlError('ca-differs', `${to} is the certificate of another authority than the one under --state`, {
      hint: `machines trust one: name its --state, or move ${to} away to begin anew`,
    });
  const current = await files.readText(from);
  await files.mkdir(keys, 0o700);
  if (there !== current) await files.write(to, current);
  const [next, nextTo] = [await read(`${nextPath(online, 'ca')}.pem`), `${nextPath(keys, 'ca')}.pem`];
  if (next === undefined) await files.remove(nextTo);
  else if (next !== (await read(nextTo))) await files.write(nextTo, next);
}
