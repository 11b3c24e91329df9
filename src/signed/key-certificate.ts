import { createPublicKey, type KeyObject, sign, verify } from 'node:crypto';
import * as z from 'zod/mini';
import { readSaid } from '../protocol/read-answer.ts';

/**
 * Says that a key may sign for one purpose: a JSON text, with the Ed25519 signature (64 bytes) of the image key beside it.
 * It never expires: a machine whose clock is wrong, or whose server is gone for a year, goes on trusting it. A key that
 * must not count any more is followed by one with a later `notBefore`.
 */
export const KeyCertificate = z.object({
  format: z.literal(1),
  /** No other signed text has this field, so none can pass for a certificate, nor a certificate for another. */
  purpose: z.literal('bundle'),
  /** SPKI, PEM. */
  key: z.string(),
  /** ISO 8601, UTC. */
  notBefore: z.string(),
});
export type KeyCertificate = z.infer<typeof KeyCertificate>;

export const writeKeyCertificate = (certificate: KeyCertificate): string => `${JSON.stringify(certificate, null, 2)}\n`;

export const signKeyCertificate = (text: string, imageKey: KeyObject): Buffer =>
  sign(null, Buffer.from(text), imageKey);

/** The certificate, when one of the trusted public keys (PEM) signed these very bytes for this purpose. */
export function readKeyCertificate(
  text: string,
  signature: Uint8Array,
  trustedPems: readonly string[],
): KeyCertificate | undefined {
  const isSigned = trustedPems.some((pem) => {
    try {
      return verify(null, Buffer.from(text), createPublicKey(pem), signature);
    } catch {
      return false;
    }
  });
  if (!isSigned) return undefined;
  const { value } = readSaid(text, KeyCertificate);
  try {
    return value && createPublicKey(value.key).asymmetricKeyType === 'ed25519' ? value : undefined;
  } catch {
    return undefined;
  }
}
