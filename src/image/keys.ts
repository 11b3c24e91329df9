import { createPublicKey, generateKeyPairSync } from 'node:crypto';
import { StatectlError } from '../error.ts';
import type { Host } from '../host/host.ts';
import { type KeyPair, keyPair } from '../identity/key-file.ts';

/** The builder's key pair for images, in its own folder, never under a server's state. */
export type ImageKey = KeyPair;

/** Reads the image key (Ed25519), or makes it on first need and says so. Throws what `keyPair` throws. */
export const imageKey = (host: Pick<Host, 'files' | 'console'>, dir: string): Promise<ImageKey> =>
  keyPair(
    host,
    {
      path: `${dir}/image`,
      purpose: 'the key that signs images',
      advice: 'keep a copy of it, and keep it off the server',
    },
    () => generateKeyPairSync('ed25519').privateKey,
  );

/**
 * What an initramfs trusts, by the name it has there: the public half of the image key, and the CA's certificate where
 * there is one. Needs no private key, so the builder of an initramfs need not be who signs images. Throws `key-invalid`.
 */
export async function trustAnchors(
  host: Pick<Host, 'files' | 'console'>,
  dir: string,
): Promise<Readonly<Record<string, string>>> {
  const { files } = host;
  const present = await files.stat(`${dir}/image.pem`);
  const pem = present ? await files.readText(`${dir}/image.pem`) : (await imageKey(host, dir)).publicPem;
  const ca = (await files.stat(`${dir}/ca.pem`)) ? await files.readText(`${dir}/ca.pem`) : undefined;
  return { 'builder.image.pem': publicPart(`${dir}/image.pem`, pem), ...(ca === undefined ? {} : { 'ca.pem': ca }) };
}

function publicPart(path: string, pem: string): string {
  try {
    if (!pem.includes('PRIVATE KEY')) return createPublicKey(pem).export({ type: 'spki', format: 'pem' }).toString();
  } catch {
    // Said below.
  }
  throw new StatectlError('key-invalid', `${path} is no public key`, {
    hint: `make it again: openssl pkey -in ${path.replace(/pem$/, 'key')} -pubout -out ${path}`,
  });
}
