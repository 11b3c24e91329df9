import { reasonOf, StatectlError } from '../../error.ts';
import type { Host } from '../../host/host.ts';
import { parseRecord } from '../../host/record.ts';
import { keyPair } from '../../identity/keys/key-file.ts';
import type { BundleSigner } from '../../signed/bundle/make.ts';
import { sha256Of } from '../../signed/bundle/manifest.ts';
import type { KeyCertificate } from '../../signed/key-certificate.ts';

/**
 * The server's bundle key and its certificate, as `statectl build keys` made them in `STATE/keys`; never made here, since
 * only the builder's image key can certify one. Throws `bundle-key-missing` and what `keyPair` throws.
 */
export async function readBundleSigner(host: Pick<Host, 'files' | 'console'>, dir: string): Promise<BundleSigner> {
  const { files } = host;
  const missing = (why: string, cause?: unknown) =>
    new StatectlError('bundle-key-missing', `no bundle can be signed: ${why}`, {
      cause,
      hint: 'where the image key is: statectl build keys --keys KEYS --state STATE; then copy STATE/keys to this server',
    });
  const path = `${dir}/bundle.cert.json`;
  if (!(await files.stat(`${dir}/bundle.key`))) throw missing(`there is no ${dir}/bundle.key`);
  const file = { path: `${dir}/bundle`, purpose: "the server's key that signs bundles", advice: 'it stays here' };
  const { privateKey, publicPem } = await keyPair(host, file, () => {
    throw missing(`${dir}/bundle.key went away`);
  });
  try {
    const certificate = await files.readText(path);
    if (parseRecord<KeyCertificate>(certificate, { key: 'text' }).key === publicPem)
      return {
        privateKey,
        certificate,
        certificateSignature: await files.read(`${path}.sig`),
        keyId: sha256Of(certificate),
      };
  } catch (cause) {
    throw missing(`${path} or its signature cannot be read (${reasonOf(cause)})`, cause);
  }
  throw missing(`${path} is the certificate of another key than ${dir}/bundle.key`);
}
