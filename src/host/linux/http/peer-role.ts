import { X509Certificate } from 'node:crypto';
import { checkServerIdentity } from 'node:tls';
import { isMachines } from '../../certificate-role.ts';
import { CERTIFICATE_OF_A_MACHINE } from '../../http/http-error.ts';

/** The check of whom a server is, beyond its name: no machine of these authorities (PEM), whatever its name. */
export function noMachine(authoritiesPem: string): typeof checkServerIdentity {
  const authorities = pemBlocks(authoritiesPem).map((pem) => new X509Certificate(pem));
  return (name, peer) => {
    const fault = checkServerIdentity(name, peer);
    if (fault) return fault;
    const certificate = new X509Certificate(peer.raw);
    return authorities.some((authority) => isMachines(certificate, authority))
      ? Object.assign(new Error('the certificate is one of a machine'), { code: CERTIFICATE_OF_A_MACHINE })
      : undefined;
  };
}

const pemBlocks = (text: string): readonly string[] =>
  text.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
