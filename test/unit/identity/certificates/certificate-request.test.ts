import { createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import {
  makeCertificateRequest,
  readCertificateRequest,
} from '../../../../src/identity/certificates/certificate-request.ts';
import { keyDigest } from '../../../../src/identity/certificates/fingerprint.ts';
import { Pkcs10CertificateRequestGenerator } from '../../../../src/identity/certificates/x509.ts';
import { newKey } from '../../../fixtures/identity/certificates.ts';

/** One that some other program makes, with a key of its own kind. */
const requestWith = async (key: KeyObject, algorithm: { readonly name: string; readonly namedCurve?: string }) => {
  const hashed = { ...algorithm, hash: 'SHA-256' };
  const keys = {
    privateKey: key.toCryptoKey(hashed, true, ['sign']),
    publicKey: createPublicKey(key).toCryptoKey(hashed, true, ['verify']),
  };
  const request = await Pkcs10CertificateRequestGenerator.create({ name: 'CN=x', keys, signingAlgorithm: hashed });
  return request.toString('pem');
};
const bytesOf = (pem: string) => Buffer.from(pem.replace(/-.*-|\s/g, ''), 'base64');
const pemOf = (bytes: Buffer) =>
  `-----BEGIN CERTIFICATE REQUEST-----\n${bytes.toString('base64')}\n-----END CERTIFICATE REQUEST-----\n`;
const refusal = async (pem: string) => {
  try {
    await readCertificateRequest(pem);
    return 'read';
  } catch (error) {
    return `${(error as { code?: string }).code}: ${(error as Error).message}`;
  }
};

describe('a request for a certificate', () => {
  it('gives the key of who made it, and no name', async () => {
    const key = newKey();
    const pem = await makeCertificateRequest(key);
    expect(keyDigest(await readCertificateRequest(pem))).toBe(keyDigest(key));
    expect(pem).toMatch(/^-----BEGIN CERTIFICATE REQUEST-----\n/);
    expect(bytesOf(pem).toString('latin1')).toContain('statectl machine');
  });

  it('by somebody who has not the key is refused', async () => {
    const [one, other] = [await makeCertificateRequest(newKey()), await makeCertificateRequest(newKey())];
    const forged = Buffer.concat([bytesOf(one).subarray(0, -60), bytesOf(other).subarray(-60)]);
    expect(await refusal(pemOf(forged))).toMatch(/^request-invalid: the certificate request (is not|cannot)/);
    const signed = bytesOf(one);
    // Another name under the same signature.
    const altered = Buffer.from(signed);
    altered.write('X', signed.indexOf('statectl machine'), 'latin1');
    expect(await refusal(pemOf(altered))).toBe('request-invalid: the certificate request is not signed by its own key');
  });

  it('for a key of another kind is refused', async () => {
    const curve = await requestWith(newKey('P-384'), { name: 'ECDSA', namedCurve: 'P-384' });
    const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey;
    const why = 'request-invalid: the certificate request is for no key on P-256';
    expect([await refusal(curve), await refusal(await requestWith(rsa, { name: 'RSASSA-PKCS1-v1_5' }))]).toEqual([
      ...[why, why],
    ]);
  });

  it.each(['', 'nonsense', pemOf(Buffer.from('x'))])('that is none is refused: %j', async (pem) => {
    expect(await refusal(pem)).toMatch(/^request-invalid: the certificate request cannot be read: /);
  });

  it('is looked at up to 8 KiB', async () => {
    const pem = await makeCertificateRequest(newKey());
    expect(await refusal(pem.padEnd(8 * 1024))).toBe('read');
    expect(await refusal(pem.padEnd(8 * 1024 + 1))).toBe('request-invalid: the certificate request is too long');
  });
});
