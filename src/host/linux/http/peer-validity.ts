import { connect } from 'node:tls';
import type { TlsMaterial } from '../../host.ts';

/**
 * From when until when the certificate counts that a server shows: OpenSSL refuses one for its dates without telling them. Asks
 * it once more, believes nothing, and sends nothing. undefined: it did not show it again.
 */
export async function peerValidity(
  { hostname, port }: URL,
  timeoutMs: number,
  tls?: TlsMaterial,
): Promise<{ readonly from: Date; readonly until: Date } | undefined> {
  const { promise, resolve } = Promise.withResolvers<{ readonly from: Date; readonly until: Date } | undefined>();
  const host = hostname.replace(/^\[|\]$/g, '');
  const servername = tls?.serverName;
  const socket = connect({
    host,
    port: Number(port || 443),
    rejectUnauthorized: false,
    ...(servername && { servername }),
  });
  socket.setTimeout(timeoutMs, () => resolve(undefined));
  socket.once('error', () => resolve(undefined));
  socket.once('secureConnect', () => {
    const certificate = socket.getPeerX509Certificate();
    resolve(certificate && { from: certificate.validFromDate, until: certificate.validToDate });
  });
  try {
    return await promise;
  } finally {
    socket.destroy();
  }
}
