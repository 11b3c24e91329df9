import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { StatectlError } from '../error.ts';
import type { Host } from '../host/host.ts';

/** The builder's key pair for images, in its own folder, never under a server's state. */
export interface ImageKey {
  readonly privateKey: KeyObject;
  readonly publicPem: string;
}

/** Reads the image key, or makes it on first need and says so. */
export async function imageKey({ files, console }: Pick<Host, 'files' | 'console'>, dir: string): Promise<ImageKey> {
  const path = `${dir}/image.key`;
  if (!(await files.stat(path))) {
    await files.mkdir(dir, 0o700);
    const { privateKey, publicKey } = generateKeyPairSync('ed25519');
    await files.write(path, privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600 });
    await files.write(`${dir}/image.pem`, publicKey.export({ type: 'spki', format: 'pem' }));
    console.line('info', `made the key that signs images: ${path} (keep it, and keep it off the server)`);
  }
  const stat = await files.stat(path);
  if (stat && (stat.mode & 0o077) !== 0)
    throw new StatectlError('key-exposed', `${path} can be read by others (mode ${stat.mode.toString(8)})`, { hint: `chmod 600 ${path}; if somebody may have copied it, make a new one` });
  const privateKey = createPrivateKey(await files.readText(path));
  return { privateKey, publicPem: createPublicKey(privateKey).export({ type: 'spki', format: 'pem' }).toString() };
}
