import { createPublicKey, type KeyObject } from 'node:crypto';
import { reasonOf, StatectlError } from '../../error.ts';

const SIGNING = { name: 'ECDSA', hash: 'SHA-256' } as const;
/** A request for a P-256 key has a few hundred bytes. */
const LARGEST_REQUEST = 8 * 1024;

/** A PKCS #10 request (RFC 2986) for an ECDSA key on P-256, in PEM. Who the machine is, the server knows: the name tells nothing. */
export async function makeCertificateRequest(key: KeyObject): Promise<string> {
  const { Pkcs10CertificateRequestGenerator } = await import('./x509.ts');
  const curve = { name: 'ECDSA', namedCurve: 'P-256' };
  const keys = {
    privateKey: key.toCryptoKey(curve, true, ['sign']),
    publicKey: createPublicKey(key).toCryptoKey(curve, true, ['verify']),
  };
  const request = await Pkcs10CertificateRequestGenerator.create({
    name: 'CN=statectl machine',
    keys,
    signingAlgorithm: SIGNING,
  });
  return request.toString('pem');
}

/** The public key of a request whose sender has the private one. Throws `request-invalid`. */
export async function readCertificateRequest(pem: string): Promise<KeyObject> {
  const invalid = (why: string, cause?: unknown) =>
    new StatectlError('request-invalid', `the certificate request ${why}`, { cause });
  if (pem.length > LARGEST_REQUEST) throw invalid('is too long');
  const { Pkcs10CertificateRequest } = await import('./x509.ts');
  let publicKey: KeyObject;
  let isSigned: boolean;
  try {
    const request = new Pkcs10CertificateRequest(pem);
    publicKey = createPublicKey({ key: Buffer.from(request.publicKey.rawData), type: 'spki', format: 'der' });
    isSigned = await request.verify();
  } catch (cause) {
    throw invalid(`cannot be read: ${reasonOf(cause)}`, cause);
  }
  if (!isSigned) throw invalid('is not signed by its own key');
  const { namedCurve } = publicKey.asymmetricKeyDetails ?? {};
  if (publicKey.asymmetricKeyType !== 'ec' || namedCurve !== 'prime256v1') throw invalid('is for no key on P-256');
  return publicKey;
}
