import { createPublicKey } from 'node:crypto';
import { StatectlError } from '../../error.ts';
import type { Host } from '../../host/host.ts';
import { fingerprintOf, keyDigest } from '../certificates/fingerprint.ts';
import { currentPath, type KeyName, nextPath, retiredFolder, retiredPath } from './key-places.ts';

type Files = Pick<Host, 'files'>;

/** By the public key or certificate (PEM) of a pair. */
export const fingerprintOfPem = (pem: string): string => fingerprintOf(keyDigest(createPublicKey(pem)));

/**
 * Begins the overlap of two keys: `make` puts the new pair to `nextPath`, from where it is trusted; the old one goes on
 * signing until it is retired. Throws `key-missing`, `rotation-open`, `key-there`, and what `make` throws.
 */
export async function rotateKey(
  { files }: Files,
  dir: string,
  name: KeyName,
  make: () => Promise<unknown>,
): Promise<void> {
  const [current, next] = [currentPath(dir, name), nextPath(dir, name)];
  if (!(await files.stat(`${current}.key`)))
    throw new StatectlError('key-missing', `there is no ${current}.key that a new one could follow`, {
      hint: 'make the first one: statectl build keys, or bring it with --import',
    });
  if (await files.stat(`${next}.pem`))
    throw new StatectlError('rotation-open', `${next}.pem waits already to follow ${current}.pem`, {
      hint: `once every machine booted an initramfs that has both: --retire ${name}. To take it back: rm ${next}.key ${next}.pem`,
    });
  await make();
  const [old, successor] = await Promise.all([files.readText(`${current}.pem`), files.readText(`${next}.pem`)]);
  if (fingerprintOfPem(old) !== fingerprintOfPem(successor)) return;
  for (const half of ['key', 'pem']) await files.remove(`${next}.${half}`);
  throw new StatectlError('key-there', `${current}.key is that very key: nothing would change`, {
    hint: 'a new certificate of the same key is taken with --import',
  });
}

/**
 * Ends the overlap: the key that was next signs from now on, and the old pair is put away. Interrupted, it is finished by
 * another call. Gives the fingerprint of the retired key; throws `rotation-missing`.
 */
export async function retireKey({ files }: Files, dir: string, name: KeyName): Promise<string> {
  const [current, next] = [currentPath(dir, name), nextPath(dir, name)];
  if (!(await files.stat(`${next}.pem`)))
    throw new StatectlError(
      'rotation-missing',
      `nothing follows ${current}.pem: without it machines would trust nobody`,
      {
        hint: `first let a new one be trusted beside it: --rotate ${name}`,
      },
    );
  const old = await files.readText(`${current}.pem`);
  const successor = await files.readText(`${next}.pem`);
  if (await files.stat(`${next}.key`)) {
    await putAway({ files }, dir, name);
    await files.rename(`${next}.key`, `${current}.key`);
  }
  await files.write(`${current}.pem`, successor);
  await files.remove(`${next}.pem`);
  return fingerprintOfPem(old);
}

/** Keeps a copy of the pair that signs, for the day when somebody needs to know, in a folder of mode 0700. */
async function putAway({ files }: Files, dir: string, name: KeyName): Promise<string> {
  const current = currentPath(dir, name);
  const pem = await files.readText(`${current}.pem`);
  const to = retiredPath(dir, name, fingerprintOfPem(pem));
  await files.mkdir(retiredFolder(dir), 0o700);
  await files.write(`${to}.key`, await files.read(`${current}.key`), { mode: 0o600 });
  await files.write(`${to}.pem`, pem);
  return fingerprintOfPem(pem);
}

/**
 * Puts away a key that needs no overlap, since each machine learns from its certificate that it counts. The next one is
 * made when it is looked for. Gives the fingerprint of the old one.
 */
export async function replaceKey({ files }: Files, dir: string, name: KeyName): Promise<string> {
  const current = currentPath(dir, name);
  if (!(await files.stat(`${current}.key`)))
    throw new StatectlError('key-missing', `there is no ${current}.key that a new one could follow`, {
      hint: 'make the first one: statectl build keys',
    });
  const fingerprint = await putAway({ files }, dir, name);
  // In this order: a public half alone would be taken for a lost key.
  await files.remove(`${current}.pem`);
  await files.remove(`${current}.key`);
  return fingerprint;
}
