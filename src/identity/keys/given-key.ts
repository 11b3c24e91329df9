import { createPrivateKey, type KeyObject } from 'node:crypto';
import { reasonOf, StatectlError } from '../../error.ts';
import type { Host } from '../../host/host.ts';
import { refuseExposed } from './key-file.ts';

/** A file that an admin brings. Throws `key-unreadable`. */
export async function readGiven({ files }: Pick<Host, 'files'>, path: string): Promise<string> {
  return files.readText(path).catch((cause: unknown) => {
    throw new StatectlError('key-unreadable', `${path} cannot be read: ${reasonOf(cause)}`, {
      cause,
      hint: 'name a file in PEM',
    });
  });
}

/**
 * A private key that an admin brings: PEM, not encrypted, since nobody is there to type a passphrase when it signs. Throws
 * `key-unreadable`, `key-exposed`, `key-encrypted`, `key-invalid`.
 */
export async function readGivenKey(host: Pick<Host, 'files'>, path: string): Promise<KeyObject> {
  const pem = await readGiven(host, path);
  await refuseExposed(host, path);
  if (/^-----BEGIN ENCRYPTED PRIVATE KEY-----|^Proc-Type: 4,ENCRYPTED/m.test(pem))
    throw new StatectlError('key-encrypted', `${path} is encrypted: nobody could type its passphrase when it signs`, {
      hint: `decrypt it where only you can read it: (umask 077; openssl pkey -in ${path} -out NEW.key)`,
    });
  try {
    return createPrivateKey(pem);
  } catch (cause) {
    throw new StatectlError('key-invalid', `${path} is no private key: ${reasonOf(cause)}`, {
      cause,
      hint: 'give a private key in PEM (PKCS #8)',
    });
  }
}

/** A key for images: Ed25519. Throws what `readGivenKey` throws, and `key-unfit`. */
export async function readGivenImageKey(host: Pick<Host, 'files'>, path: string): Promise<KeyObject> {
  const key = await readGivenKey(host, path);
  if (key.asymmetricKeyType === 'ed25519') return key;
  throw new StatectlError('key-unfit', `${path} is a key of ${key.asymmetricKeyType}; images are signed with Ed25519`, {
    hint: 'make one: (umask 077; openssl genpkey -algorithm ed25519 -out image.key)',
  });
}
