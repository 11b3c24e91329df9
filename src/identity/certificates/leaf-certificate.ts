import { type KeyObject, randomBytes } from 'node:crypto';
import { refuseForeignNames } from '../../protocol/machine-name.ts';
import type { Authority } from './authority.ts';

export interface LeafCertificate {
  readonly publicKey: KeyObject;
  readonly commonName: string;
  readonly dnsNames: readonly string[];
  /** A server's certificate is for servers alone; a machine's serves its own services and shows who it is. */
  readonly role: 'server' | 'machine';
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
}

export interface IssuedCertificate {
  /** X.509 v3. */
  readonly pem: string;
  /** Hexadecimal. */
  readonly serialNumber: string;
}

/** A certificate by the CA (RFC 5280). Throws `name-refused` where a machine would have a name that is none of a machine. */
export async function issueCertificate(
  { privateKey, certificatePem }: Authority,
  leaf: LeafCertificate,
): Promise<IssuedCertificate> {
  if (leaf.role === 'machine') refuseForeignNames([leaf.commonName, ...leaf.dnsNames]);
  const x509 = await import('./x509.ts');
  const { subject: issuer, publicKey: authorityKey } = await authorityNames(certificatePem);
  const { publicKey, commonName, dnsNames, role, notBeforeMs, notAfterMs } = leaf;
  // Positive and never zero, as RFC 5280, 4.1.2.2 wants it.
  const serialNumber = `01${randomBytes(15).toString('hex')}`;
  const usages =
    role === 'server'
      ? [x509.ExtendedKeyUsage.serverAuth]
      : [x509.ExtendedKeyUsage.clientAuth, x509.ExtendedKeyUsage.serverAuth];
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber,
    subject: [{ CN: [commonName] }],
    issuer,
    notBefore: new Date(notBeforeMs),
    notAfter: new Date(notAfterMs),
    publicKey: publicKey.toCryptoKey({ name: 'ECDSA', namedCurve: 'P-256' }, true, ['verify']),
    signingKey: signingKey(privateKey),
    signingAlgorithm: { name: algorithmOf(privateKey).name, hash: 'SHA-256' },
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension(usages),
      new x509.SubjectAlternativeNameExtension(dnsNames.map((value) => ({ type: 'dns', value }))),
      await x509.AuthorityKeyIdentifierExtension.create(authorityKey),
    ],
  });
  return { pem: `${certificate.toString('pem')}\n`, serialNumber };
}

const authorityNames = async (pem: string) => {
  const { X509Certificate } = await import('./x509.ts');
  return new X509Certificate(pem);
};

const signingKey = (key: KeyObject) => key.toCryptoKey(algorithmOf(key), false, ['sign']);

/** An authority that an admin brings may have either kind of key. */
const algorithmOf = (key: KeyObject) =>
  key.asymmetricKeyType === 'ec'
    ? { name: 'ECDSA', namedCurve: curveOf(key) }
    : { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' };

const curveOf = (key: KeyObject): string => (key.asymmetricKeyDetails?.namedCurve === 'secp384r1' ? 'P-384' : 'P-256');
