import { generateKeyPairSync, type KeyObject, randomBytes, X509Certificate } from 'node:crypto';
import forge from 'node-forge';
import { StatectlError } from '../../error.ts';
import type { Host } from '../../host/host.ts';
import { type KeyFile, type KeyPair, keyPair } from '../keys/key-file.ts';
import { currentPath, nextPath, retiredFolder } from '../keys/key-places.ts';

const YEARS = 30;
/** node-forge signs with RSA only; 3072 bits are what NIST SP 800-57 asks for beyond 2030. */
const RSA_BITS = 3072;

export interface Authority {
  readonly privateKey: KeyObject;
  readonly certificatePem: string;
}

/** The authority that signs, or the one that follows it. */
export const authorityFile = (dir: string, which: 'current' | 'next' = 'current'): KeyFile => ({
  path: which === 'current' ? currentPath(dir, 'ca') : nextPath(dir, 'ca'),
  purpose: which === 'current' ? 'the certificate authority' : 'the certificate authority that follows',
  advice: 'it stays on the server',
});

/**
 * The certificate authority for machines and the server, in `ca.key` and `ca.pem` (X.509), made on first need.
 * Throws what `keyPair` throws, and `key-invalid` when the two do not belong together.
 */
export async function authority(
  host: Pick<Host, 'files' | 'console' | 'clock'>,
  dir: string,
  which: 'current' | 'next' = 'current',
): Promise<Authority> {
  const file = authorityFile(dir, which);
  const make = () => generateKeyPairSync('rsa', { modulusLength: RSA_BITS }).privateKey;
  const { privateKey } = await keyPair(host, file, make, (pair) => selfSigned(pair, host.clock.now()));
  const certificatePem = await host.files.readText(`${file.path}.pem`);
  if (new X509Certificate(certificatePem).checkPrivateKey(privateKey)) return { privateKey, certificatePem };
  throw new StatectlError('key-invalid', `${file.path}.pem is not the certificate of ${file.path}.key`, {
    hint: 'restore the two from the same copy; was `build keys --retire ca` interrupted, say it again',
  });
}

/**
 * The certificates of all authorities that signed for machines, or will: what a machine has counts until it gets a new one.
 * Who signed for a key is not why it counts (`enrolments`), so a retired authority's word does no harm.
 */
export async function authoritiesOfMachines({ files }: Pick<Host, 'files'>, dir: string): Promise<readonly string[]> {
  const retired = (await files.list(retiredFolder(dir)).catch(() => [])).filter((name) => /^ca-.*\.pem$/.test(name));
  const paths = [`${currentPath(dir, 'ca')}.pem`, `${nextPath(dir, 'ca')}.pem`];
  const texts = await Promise.all(
    [...paths, ...retired.map((name) => `${retiredFolder(dir)}/${name}`)].map((path) =>
      files.readText(path).catch(() => undefined),
    ),
  );
  return [...new Set(texts.filter((text) => text !== undefined))];
}

function selfSigned({ privateKey }: KeyPair, nowMs: number): string {
  const { pki, md } = forge;
  const key = pki.privateKeyFromPem(privateKey.export({ type: 'pkcs1', format: 'pem' }).toString());
  const certificate = pki.createCertificate();
  certificate.publicKey = pki.setRsaPublicKey(key.n, key.e);
  // Positive, as RFC 5280, 4.1.2.2 wants it; random, so that two authorities are never taken for one.
  certificate.serialNumber = `01${randomBytes(15).toString('hex')}`;
  // A board without a clock starts in 1970, and must be able to trust its server before it knows the time.
  certificate.validity.notBefore = new Date(0);
  certificate.validity.notAfter = new Date(nowMs);
  certificate.validity.notAfter.setUTCFullYear(certificate.validity.notAfter.getUTCFullYear() + YEARS);
  const name = [{ name: 'commonName', value: `statectl CA ${certificate.serialNumber.slice(2, 10)}` }];
  certificate.setSubject(name);
  certificate.setIssuer(name);
  certificate.setExtensions([
    { name: 'basicConstraints', cA: true, pathLenConstraint: 0, critical: true },
    { name: 'keyUsage', keyCertSign: true, cRLSign: true, critical: true },
    { name: 'subjectKeyIdentifier' },
  ]);
  certificate.sign(key, md.sha256.create());
  return pki.certificateToPem(certificate).replaceAll('\r\n', '\n');
}
