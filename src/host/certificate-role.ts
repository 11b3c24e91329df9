import type { X509Certificate } from 'node:crypto';

/** RFC 5280, 4.2.1.12: id-kp-clientAuth, which every certificate of a machine has, and none of a server. */
const FOR_CLIENTS = '1.3.6.1.5.5.7.3.2';

/**
 * By an authority that signs for machines, a certificate that is also for clients is one of a machine, whatever name it has. Who
 * issued it is told by the signature: what a peer shows as its issuer is the peer's choice.
 */
export const isMachines = (certificate: X509Certificate, authority: X509Certificate): boolean =>
  // Node calls the extended key usages so.
  (certificate.keyUsage ?? []).includes(FOR_CLIENTS) && certificate.verify(authority.publicKey);
