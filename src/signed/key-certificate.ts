import { createPublicKey, type KeyObject, sign, verify } from 'node:crypto';

/**
 * Says that a key may sign for one purpose: a JSON text, with the Ed25519 signature (64 bytes) of the image key beside it.
 * It never expires: a machine whose clock is wrong, or whose server is gone for a year, goes on trusting it. A key that
 * must not count any more is followed by one with a later `notBefore`.
 */
export interface KeyCertificate {
  readonly format: 1;
  /** No other signed text has this field, so none can pass for a certificate, nor a certificate for another. */
  readonly purpose: 'bundle';
  /** SPKI, PEM. */
  readonly key: string;
  /** ISO 8601, UTC. */
  readonly notBefore: string;
}

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
  try {
    const value = JSON.parse(text) as KeyCertificate;
    const isWhole = value.format === 1 && value.purpose === 'bundle' && typeof value.notBefore === 'string';
    return isWhole && createPublicKey(value.key).asymmetricKeyType === 'ed25519' ? value : undefined;
  } catch {
    return undefined;
  }
}
