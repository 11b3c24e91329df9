import { StatectlError } from '../../error.ts';
import type { Host, HttpRequest, HttpResponse, TlsMaterial } from '../../host/host.ts';
import { readBody } from '../../host/http/read-body.ts';
import { readSaid } from '../../protocol/read-answer.ts';
import { SecurePort } from '../../protocol/secure-port.ts';
import { serverTrust } from './server-trust.ts';

export interface MachineProof {
  /** Where the certificate, the key and the authorities are. */
  readonly identity: string;
  /** PEM texts of those that server.info.conf names. */
  readonly authorities: readonly string[];
}

export interface SecureAddress {
  readonly href: string;
  readonly tls: TlsMaterial;
  readonly takesReports: boolean;
}

const LARGEST_ANSWER_BYTES = 64 * 1024;

/**
 * Where a server hears machines that show their certificate, and what this one shows there. Throws `no-certificate` (of this
 * machine), `no-events` (the server has no such port) and what the `http` port throws.
 */
export async function secureAddress(
  { http, files }: Pick<Host, 'http' | 'files'>,
  server: string,
  path: string,
  { identity, authorities }: MachineProof,
  limits: HttpRequest,
): Promise<SecureAddress> {
  const { caPem, ...own } = await credentials({ files }, identity);
  const {
    port,
    name,
    takesReports = false,
  } = await securePort(server, await http.request(new URL('/v1/tls', server).href, limits));
  const secure = new URL(path, server);
  secure.protocol = 'https:';
  secure.port = String(port);
  return { href: secure.href, takesReports, tls: { ...own, ...serverTrust(caPem, authorities, name) } };
}

/** PEM texts of this machine. Throws `no-certificate`. */
async function credentials({ files }: Pick<Host, 'files'>, identity: string) {
  try {
    const certPem = await files.readText(`${identity}/cert.pem`);
    const keyPem = await files.readText(`${identity}/key.pem`);
    // Absent where server.info.conf alone names authorities.
    const caPem = await files.readText(`${identity}/ca.pem`).catch(() => undefined);
    return { certPem, keyPem, caPem };
  } catch (cause) {
    throw new StatectlError('no-certificate', 'this machine has no certificate', {
      cause,
      hint: 'on the server: `statectl node pending` shows whether it waits to be approved',
    });
  }
}

async function securePort(server: string, { status, body }: HttpResponse): Promise<SecurePort> {
  const bytes = await readBody(body, LARGEST_ANSWER_BYTES);
  const { value } = status === 200 ? readSaid(bytes, SecurePort) : {};
  if (value) return value;
  throw new StatectlError('no-events', `${server} has no authority, and so no events for machines (status ${status})`);
}
