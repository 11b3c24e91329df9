import { generateKeyPairSync, X509Certificate } from 'node:crypto';
import { StatectlError } from '../../error.ts';
import { isMachines } from '../../host/certificate-role.ts';
import type { Host } from '../../host/host.ts';
import type { Authority } from '../../identity/certificates/authority.ts';
import { type GivenFiles, readGivenCertificate } from '../../identity/certificates/given-certificate.ts';
import { issueCertificate } from '../../identity/certificates/leaf-certificate.ts';
import { SERVER_NAME } from '../../protocol/machine-name.ts';
import type { SecurePort } from '../../protocol/secure-port.ts';

/** PEM. */
export interface ServerCertificate {
  readonly keyPem: string;
  /** With what is known of its issuers behind it. */
  readonly pem: string;
  /** The name that machines look for in it: the one of every server, or the host in the URL by which they know this one. */
  readonly name: SecurePort['name'];
}

const YEARS_MS = 10 * 365 * 86_400_000;

/** By our CA. The key lives as long as the process; what machines trust is the CA that signed for it. */
export async function issueServerCertificate(authority: Authority, nowMs: number): Promise<ServerCertificate> {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const { pem } = await issueCertificate(authority, {
    publicKey,
    commonName: SERVER_NAME,
    dnsNames: [SERVER_NAME],
    role: 'server',
    // A board without a clock starts in 1970.
    notBeforeMs: 0,
    notAfterMs: nowMs + YEARS_MS,
  });
  return { keyPem: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(), pem, name: 'common' };
}

/** The admin's own, for machines of this authority. Throws `certificate-unfit`, and what `readGivenCertificate` throws. */
export async function givenServerCertificate(
  host: Pick<Host, 'files' | 'clock'>,
  from: GivenFiles,
  ofMachines: Authority,
): Promise<ServerCertificate> {
  const { certificate, privateKey, pem } = await readGivenCertificate(host, from);
  if (certificate.ca || certificate.subjectAltName === undefined)
    throw new StatectlError(
      'certificate-unfit',
      `${from.certificate} is ${certificate.ca ? 'the certificate of an authority, not of a server' : 'for no name (subjectAltName)'}`,
      { hint: `let it be issued for the host in the servers' URLs, or for ${SERVER_NAME}` },
    );
  if (isMachines(certificate, new X509Certificate(ofMachines.certificatePem)))
    throw new StatectlError(
      'certificate-unfit',
      `${from.certificate} is for clients, too, by the authority that signs for machines: they would take it for one of theirs`,
      { hint: 'let it be issued for servers alone (extendedKeyUsage = serverAuth)' },
    );
  return {
    keyPem: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    pem,
    name: certificate.checkHost(SERVER_NAME, { subject: 'never', wildcards: false }) ? 'common' : 'host',
  };
}
