import { createPublicKey, generateKeyPairSync, X509Certificate } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { issueCertificate, type LeafCertificate } from '../../../../src/identity/certificates/leaf-certificate.ts';
import { X509Certificate as ReadCertificate } from '../../../../src/identity/certificates/x509.ts';
import { makeCertificate, newKey } from '../../../fixtures/identity/certificates.ts';

const key = newKey();
const NOON_MS = Date.UTC(2026, 10, 20, 12);
const LEAF: LeafCertificate = {
  ...{ publicKey: createPublicKey(key), commonName: 'print01', dnsNames: ['print01', 'print.lab'], role: 'machine' },
  ...{ notBeforeMs: NOON_MS, notAfterMs: NOON_MS + 86_400_000 },
};
const AUTHORITIES = {
  'P-256': await makeCertificate({ name: 'Ours' }),
  'P-384': await makeCertificate({ name: 'Theirs', key: newKey('P-384') }),
  RSA: await makeCertificate({ name: 'Old', key: generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey }),
};
const issue = async (changes: Partial<LeafCertificate> = {}, by: keyof typeof AUTHORITIES = 'P-256') => {
  const { key: privateKey, pem: certificatePem } = AUTHORITIES[by];
  const issued = await issueCertificate({ privateKey, certificatePem }, { ...LEAF, ...changes });
  return { ...issued, certificate: new X509Certificate(issued.pem), by: new X509Certificate(certificatePem) };
};

describe('a certificate by an authority', () => {
  it.each(['P-256', 'P-384', 'RSA'] as const)('of %s is for that key, signed and issued by it', async (kind) => {
    const { certificate, by, pem } = await issue({}, kind);
    expect(certificate.checkPrivateKey(key)).toBe(true);
    expect([certificate.checkIssued(by), certificate.verify(by.publicKey)]).toEqual([true, true]);
    expect(pem).toMatch(/^-----BEGIN CERTIFICATE-----\n[^-]+\n-----END CERTIFICATE-----\n$/);
  });

  it('has its names, its time, and a serial number that no other has', async () => {
    const { certificate, serialNumber } = await issue();
    expect([certificate.subject, certificate.subjectAltName]).toEqual(['CN=print01', 'DNS:print01, DNS:print.lab']);
    expect(certificate.validFromDate.getTime()).toBe(NOON_MS);
    expect(certificate.validToDate.getTime()).toBe(NOON_MS + 86_400_000);
    expect(serialNumber).toMatch(/^01[0-9a-f]{30}$/);
    expect(certificate.serialNumber.toLowerCase()).toBe(serialNumber);
    expect((await issue()).serialNumber).not.toBe(serialNumber);
  });

  it.each([
    ['server', ['1.3.6.1.5.5.7.3.1']],
    ['machine', ['1.3.6.1.5.5.7.3.2', '1.3.6.1.5.5.7.3.1']],
  ] as const)('of a %s is for that alone, and for no authority', async (role, usages) => {
    const { certificate, pem } = await issue({ role });
    expect([certificate.ca, certificate.keyUsage]).toEqual([false, usages]);
    const { extensions } = new ReadCertificate(pem);
    // Basic constraints and key usage bind whoever reads it: RFC 5280, 4.2.1.3 and 4.2.1.9.
    expect(extensions.map(({ type, critical }) => [type, critical])).toEqual([
      ['2.5.29.19', true],
      ['2.5.29.15', true],
      ['2.5.29.37', false],
      ['2.5.29.17', false],
      ['2.5.29.35', false],
    ]);
  });

  it('of a machine has no name of servers, which one of a server may', async () => {
    const names = { commonName: 'server.statectl.internal', dnsNames: ['server.statectl.internal'] };
    for (const changes of [names, { dnsNames: ['print01', 'x.statectl.internal'] }, { commonName: '10.0.0.1' }])
      await expect(issue(changes)).rejects.toMatchObject({ code: 'name-refused' });
    expect((await issue({ ...names, role: 'server' })).certificate.subjectAltName).toBe('DNS:server.statectl.internal');
  });
});
