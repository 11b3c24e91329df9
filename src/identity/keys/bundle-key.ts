import { generateKeyPairSync } from 'node:crypto';
import type { Host } from '../../host/host.ts';
import { parseRecord } from '../../host/record.ts';
import {
  type KeyCertificate,
  readKeyCertificate,
  signKeyCertificate,
  writeKeyCertificate,
} from '../../signed/key-certificate.ts';
import { type KeyPair, keyPair } from './key-file.ts';

/**
 * The server's key for bundles (Ed25519), in `bundle.key` and `bundle.pem`, and its certificate by the image key in
 * `bundle.cert.json` and `bundle.cert.json.sig`: made on first need. A certificate by another image key is replaced, since
 * machines that trust this one would refuse it.
 */
export async function bundleKey(
  host: Pick<Host, 'files' | 'console' | 'clock'>,
  dir: string,
  imageKey: KeyPair,
): Promise<KeyPair> {
  const { files, console, clock } = host;
  const purpose = "the server's key that signs bundles";
  const pair = await keyPair(
    host,
    { path: `${dir}/bundle`, purpose, advice: 'it stays on the server' },
    () => generateKeyPairSync('ed25519').privateKey,
  );
  const path = `${dir}/bundle.cert.json`;
  if (await isCertified({ files }, path, pair, imageKey)) return pair;
  const text = writeKeyCertificate({
    format: 1,
    purpose: 'bundle',
    key: pair.publicPem,
    notBefore: new Date(Math.max(clock.now(), (await certifiedSinceMs({ files }, path)) + 1)).toISOString(),
  });
  await files.write(`${path}.sig`, signKeyCertificate(text, imageKey.privateKey));
  await files.write(path, text);
  console.line('info', `certified the bundle key by the image key: ${path}`);
  return pair;
}

/** Of the certificate before this one. Machines take the later of two, so no clock that was set back may come between. */
async function certifiedSinceMs({ files }: Pick<Host, 'files'>, path: string): Promise<number> {
  try {
    const ms = Date.parse(parseRecord<KeyCertificate>(await files.readText(path), { notBefore: 'text' }).notBefore);
    return Number.isFinite(ms) ? ms : 0;
  } catch {
    return 0;
  }
}

async function isCertified(
  { files }: Pick<Host, 'files'>,
  path: string,
  pair: KeyPair,
  imageKey: KeyPair,
): Promise<boolean> {
  if (!(await files.stat(path)) || !(await files.stat(`${path}.sig`))) return false;
  const found = readKeyCertificate(await files.readText(path), await files.read(`${path}.sig`), [imageKey.publicPem]);
  return found?.key === pair.publicPem;
}
