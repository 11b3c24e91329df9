import { StatectlError } from '../../error.ts';
import type { Host, TlsMaterial } from '../../host/host.ts';
import { SERVER_NAME } from '../../protocol/machine-name.ts';
import type { SecurePort } from '../../protocol/secure-port.ts';

const TRUST = '/etc/trust';

/** The authorities that the builder baked in (PEM): more than one while an old one gives way to a new one. */
export async function bakedAuthorities({ files }: Pick<Host, 'files'>): Promise<string | undefined> {
  const names = (await files.list(TRUST).catch(() => [])).filter((name) => name.endsWith('ca.pem'));
  const texts = await Promise.all(names.map((name) => files.readText(`${TRUST}/${name}`)));
  return texts.length > 0 ? texts.join('') : undefined;
}

/**
 * Whom a machine believes to be its server. A certificate for the name of every server counts by the authorities that are baked
 * in or that server.info.conf names. One for the host in the URL counts by the latter alone: the former sign for machines too,
 * and a machine could have any name. So a name alone proves no server: what the baked ones signed must be for servers alone
 * (`certificate-role.ts`). Throws `no-authority`.
 */
export function serverTrust(
  baked: string | undefined,
  named: readonly string[],
  name: SecurePort['name'],
): Pick<TlsMaterial, 'caPem' | 'serverName' | 'machineAuthoritiesPem'> {
  const given = named.map((pem) => `${pem.trim()}\n`).join('');
  const machines = baked === undefined ? {} : { machineAuthoritiesPem: baked };
  if (name !== 'host') {
    const caPem = (baked ?? '') + given;
    if (caPem !== '') return { caPem, serverName: SERVER_NAME, ...machines };
    throw new StatectlError('no-authority', 'the initramfs has no certificate of an authority', {
      hint: 'statectl build keys; then build the initramfs again',
    });
  }
  if (given !== '') return { caPem: given, ...machines };
  throw new StatectlError(
    'no-authority',
    'the server shows a certificate for its own host name, and no authority is named that may sign such',
    { hint: 'controller/server/server.info.conf: authorities' },
  );
}
