import { createPublicKey, generateKeyPairSync } from 'node:crypto';
import { StatectlError } from '../error.ts';
import type { Host } from '../host/host.ts';
import { type KeyFile, type KeyPair, keyPair } from '../identity/keys/key-file.ts';
import { currentPath, nextPath } from '../identity/keys/key-places.ts';

/** The builder's key pair for images, in its own folder, never under a server's state. */
export type ImageKey = KeyPair;

/** The image key, or the one that follows it. */
export const imageKeyFile = (dir: string, which: 'current' | 'next' = 'current'): KeyFile => ({
  path: which === 'current' ? currentPath(dir, 'image') : nextPath(dir, 'image'),
  purpose: which === 'current' ? 'the key that signs images' : 'the key that follows the one that signs images',
  advice: 'keep a copy of it, and keep it off the server',
});

/** Reads the image key (Ed25519), or makes it on first need and says so. Throws what `keyPair` throws. */
export const imageKey = (
  host: Pick<Host, 'files' | 'console'>,
  dir: string,
  which: 'current' | 'next' = 'current',
): Promise<ImageKey> => keyPair(host, imageKeyFile(dir, which), () => generateKeyPairSync('ed25519').privateKey);

/** The image key where it is here: the builder of an initramfs need not be who signs. Throws what `keyPair` throws. */
export async function imageKeyHere(host: Pick<Host, 'files' | 'console'>, dir: string): Promise<ImageKey | undefined> {
  return (await host.files.stat(`${currentPath(dir, 'image')}.key`)) ? imageKey(host, dir) : undefined;
}

/**
 * What an initramfs trusts, by the name it has there: the public half of the image key, the CA's certificate where there is
 * one, and those that follow them. Needs no private key, so the builder of an initramfs need not be who signs images.
 * Throws `key-invalid`.
 */
export async function trustAnchors(
  host: Pick<Host, 'files' | 'console'>,
  dir: string,
): Promise<Readonly<Record<string, string>>> {
  const { files } = host;
  const read = async (path: string) => ((await files.stat(path)) ? await files.readText(path) : undefined);
  const paths = { image: `${currentPath(dir, 'image')}.pem`, nextImage: `${nextPath(dir, 'image')}.pem` };
  const image = (await read(paths.image)) ?? (await imageKey(host, dir)).publicPem;
  const nextImage = await read(paths.nextImage);
  const ca = await read(`${currentPath(dir, 'ca')}.pem`);
  const nextCa = await read(`${nextPath(dir, 'ca')}.pem`);
  return {
    'builder.image.pem': publicPart(paths.image, image),
    ...(nextImage !== undefined && { 'next.image.pem': publicPart(paths.nextImage, nextImage) }),
    ...(ca !== undefined && { 'ca.pem': ca }),
    ...(nextCa !== undefined && { 'next.ca.pem': nextCa }),
  };
}

/** Public halves of the image key and of the one that follows it, where they are. Throws `key-invalid`. */
export async function knownImageKeys({ files }: Pick<Host, 'files'>, dir: string): Promise<readonly string[]> {
  const found: string[] = [];
  for (const path of [currentPath(dir, 'image'), nextPath(dir, 'image')].map((key) => `${key}.pem`))
    if (await files.stat(path)) found.push(publicPart(path, await files.readText(path)));
  return found;
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
