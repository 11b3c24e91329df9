import { createPublicKey, type JsonWebKeyInput } from 'node:crypto';
import { entryOf } from '../../entry-of.ts';
import { StatectlError } from '../../error.ts';

/** By the name of the algorithm, the bytes of the key in its blob. */
const KEYS: Readonly<Record<string, (fields: readonly Buffer[]) => boolean>> = {
  // RFC 8709, 4.
  'ssh-ed25519': ([, key, ...rest]) => key?.length === 32 && rest.length === 0,
  // RFC 5656, 3.1: the curve again, and an uncompressed point on it.
  'ecdsa-sha2-nistp256': ([, curve, point, ...rest]) =>
    curve?.toString() === 'nistp256' && rest.length === 0 && point !== undefined && isOnP256(point),
};

/** Takes a line as ssh-keygen(1) writes it, without a comment. Throws `ssh-key-invalid` for what is no key that may be signed. */
export function checkSshPublicKey(line: string): void {
  const [algorithm = '', blob = ''] = /^(\S+) ([A-Za-z0-9+/]{40,400}={0,2})$/.exec(line)?.slice(1) ?? [];
  const fields = fieldsOf(Buffer.from(blob, 'base64'));
  const isKey =
    Object.hasOwn(KEYS, algorithm) && fields?.[0]?.toString() === algorithm && entryOf(KEYS, algorithm)?.(fields);
  if (!isKey) throw new StatectlError('ssh-key-invalid', 'that is no public key of Ed25519 or ECDSA on P-256');
}

/** Strings, each behind its length (RFC 4251, 5); undefined where they do not end with the blob. */
function fieldsOf(blob: Buffer): readonly Buffer[] | undefined {
  const fields: Buffer[] = [];
  for (let at = 0; at < blob.length; ) {
    if (at + 4 > blob.length) return undefined;
    const end = at + 4 + blob.readUInt32BE(at);
    if (end > blob.length) return undefined;
    fields.push(blob.subarray(at + 4, end));
    at = end;
  }
  return fields;
}

function isOnP256(point: Buffer): boolean {
  if (point.length !== 65 || point[0] !== 4) return false;
  const [x, y] = [point.subarray(1, 33), point.subarray(33)].map((part) => part.toString('base64url'));
  try {
    createPublicKey({ key: { kty: 'EC', crv: 'P-256', x, y } as JsonWebKeyInput['key'], format: 'jwk' });
    return true;
  } catch {
    return false;
  }
}
