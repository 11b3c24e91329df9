import { StatectlError } from '../../error.ts';
import type { Host } from '../../host/host.ts';
import { readBody } from '../../host/http/read-body.ts';
import { secureAddress } from '../../identity/machine/secure-address.ts';
import { KeptDisks } from '../../protocol/disks.ts';
import { readAnswer } from '../../protocol/read-answer.ts';
import { IDENTITY } from '../identity/identity.ts';

const LIMITS = { connectTimeoutMs: 5_000, idleTimeoutMs: 10_000 };
/** A table with 128 partitions has 40 KiB. */
const LARGEST_BYTES = 2 << 20;

/** What a server knows of the disks of this machine, which shows its certificate. Throws as `secureAddress` and the http port. */
export async function askKeptDisks(
  host: Pick<Host, 'http' | 'files'>,
  server: string,
  authorities: readonly string[],
  identity = IDENTITY,
): Promise<KeptDisks> {
  const { href, tls } = await secureAddress(host, server, '/v1/disks', { identity, authorities }, LIMITS);
  const { status, body } = await host.http.request(href, { ...LIMITS, tls });
  const bytes = await readBody(body, LARGEST_BYTES);
  if (status !== 200)
    throw new StatectlError('disks-unknown', `${server} does not say what it knows of the disks (status ${status})`, {
      hint: 'its log says why',
    });
  return readAnswer(server, bytes, KeptDisks);
}
