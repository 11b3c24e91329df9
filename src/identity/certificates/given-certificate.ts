import { type KeyObject, X509Certificate } from 'node:crypto';
import { reasonOf, StatectlError } from '../../error.ts';
import type { Host } from '../../host/host.ts';
import { readGiven, readGivenKey } from '../keys/given-key.ts';
import type { Authority } from './authority.ts';

/** Where an admin's certificate and its key are. */
export interface GivenFiles {
  readonly certificate: string;
  readonly key: string;
}

export interface GivenCertificate {
  readonly privateKey: KeyObject;
  /** The certificate, and behind it what the file has of its issuers. */
  readonly pem: string;
  readonly certificate: X509Certificate;
}

const LEAST_RSA_BITS = 2048;
const CURVES = ['prime256v1', 'secp384r1'];

/**
 * The certificate authority that an admin brings: EC (P-256, P-384) or RSA, its own root, or with its issuers behind it in
 * the file up to theirs. Throws `certificate-invalid`, `certificate-expired`, `key-mismatch`, `key-unfit`, and what
 * `readGivenKey` throws.
 */
export async function readGivenAuthority(host: Pick<Host, 'files' | 'clock'>, from: GivenFiles): Promise<Authority> {
  const { certificate, privateKey, pem } = await readGivenCertificate(host, from);
  if (!certificate.ca)
    throw new StatectlError('certificate-unfit', `${from.certificate} is no certificate of an authority (CA:TRUE)`, {
      hint: 'the first certificate in the file must be that of the authority itself; one of a server goes to serve --tls-cert',
    });
  refuseUnfit(from.key, privateKey);
  refuseRootless(from.certificate, splitPem(pem));
  return { privateKey, certificatePem: pem };
}

/** A certificate and its key, valid today. */
export async function readGivenCertificate(
  host: Pick<Host, 'files' | 'clock'>,
  from: GivenFiles,
): Promise<GivenCertificate> {
  const blocks = splitPem(await readGiven(host, from.certificate));
  const [certificate, ...issuers] = blocks.map((block) => parse(from.certificate, block));
  if (!certificate)
    throw new StatectlError('certificate-invalid', `${from.certificate} has no certificate in PEM`, {
      hint: 'it begins with -----BEGIN CERTIFICATE-----',
    });
  const privateKey = await readGivenKey(host, from.key);
  if (!certificate.checkPrivateKey(privateKey))
    throw new StatectlError('key-mismatch', `${from.key} is not the key of ${from.certificate}`, {
      hint: `compare: openssl pkey -in ${from.key} -pubout; openssl x509 -in ${from.certificate} -noout -pubkey`,
    });
  for (const each of [certificate, ...issuers]) refuseInvalidToday(from.certificate, each, host.clock.now());
  return { certificate, privateKey, pem: blocks.join('') };
}

const splitPem = (text: string): readonly string[] =>
  [...text.matchAll(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g)].map(([block]) => `${block}\n`);

function parse(path: string, pem: string): X509Certificate {
  try {
    return new X509Certificate(pem);
  } catch (cause) {
    throw new StatectlError(
      'certificate-invalid',
      `${path} has a certificate that cannot be read: ${reasonOf(cause)}`,
      {
        cause,
        hint: `look at it: openssl x509 -in ${path} -noout -text`,
      },
    );
  }
}

const shown = (date: Date | number): string => `${new Date(date).toISOString().slice(0, 19)}Z`;

function refuseInvalidToday(
  path: string,
  { subject, validFromDate, validToDate }: X509Certificate,
  nowMs: number,
): void {
  const from = validFromDate.getTime();
  const isOver = nowMs >= validToDate.getTime();
  if (!isOver && nowMs >= from) return;
  throw new StatectlError(
    'certificate-expired',
    `${path}: the certificate of ${subject.replaceAll('\n', ', ')} ${
      isOver ? `ended at ${shown(validToDate)}` : `counts only from ${shown(from)} on`
    }, and it is ${shown(nowMs)} here`,
    { hint: isOver ? 'let it be renewed' : "is this machine's clock right?" },
  );
}

function refuseUnfit(path: string, { asymmetricKeyType: type, asymmetricKeyDetails: details }: KeyObject): void {
  const isFit =
    type === 'ec'
      ? CURVES.includes(details?.namedCurve ?? '')
      : type === 'rsa' && (details?.modulusLength ?? 0) >= LEAST_RSA_BITS;
  if (isFit) return;
  const what = [type, details?.namedCurve ?? details?.modulusLength].filter(Boolean).join(' ');
  throw new StatectlError('key-unfit', `${path} is a key of ${what}: an authority here has EC P-256, P-384 or RSA`, {
    hint: `RSA needs ${LEAST_RSA_BITS} bits at least`,
  });
}

/** Programs of the system, unlike ours, believe in an authority only when they find its root. */
function refuseRootless(path: string, blocks: readonly string[]): void {
  const chain = blocks.map((block) => new X509Certificate(block));
  for (const [at, certificate] of chain.entries()) {
    const issuer = chain[at + 1] ?? certificate;
    if (certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey)) continue;
    throw new StatectlError(
      'certificate-unfit',
      `${path} has not the certificate of who issued ${certificate.subject.replaceAll('\n', ', ')}`,
      { hint: 'put the issuers behind it in the file, each after whom it signed for, up to the root' },
    );
  }
}
