import { createECDH, createPrivateKey, type KeyObject } from 'node:crypto';
import type { TpmChannel } from '../../host/host.ts';
import { macByTpm } from './tpm.ts';

/** The order of P-256: FIPS 186-5 and SP 800-186, 3.2.1.3. */
const ORDER = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;
const SCALAR_BYTES = 32;

/**
 * The key (P-256) of a machine that keeps nothing: it comes out of its TPM, the same at each boot until that is cleared, and out
 * of no other. FIPS 186-5, A.2.1: 64 bits more than the order has, so that no key is likelier than another. Throws
 * `tpm-failed`.
 */
export async function tpmKey(channel: TpmChannel): Promise<KeyObject> {
  const parts = [await macByTpm(channel, 'statectl machine key 1'), await macByTpm(channel, 'statectl machine key 2')];
  const bits = BigInt(
    `0x${Buffer.concat(parts)
      .subarray(0, SCALAR_BYTES + 8)
      .toString('hex')}`,
  );
  const scalar = Buffer.from(((bits % (ORDER - 1n)) + 1n).toString(16).padStart(2 * SCALAR_BYTES, '0'), 'hex');
  const pair = createECDH('prime256v1');
  pair.setPrivateKey(scalar);
  const point = pair.getPublicKey();
  const word = (bytes: Buffer): string => bytes.toString('base64url');
  const [x, y] = [word(point.subarray(1, 1 + SCALAR_BYTES)), word(point.subarray(1 + SCALAR_BYTES))];
  return createPrivateKey({ key: { kty: 'EC', crv: 'P-256', d: word(scalar), x, y }, format: 'jwk' });
}
