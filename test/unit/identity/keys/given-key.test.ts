import { generateKeyPairSync, X509Certificate } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import { memoryHost } from '../../../../src/host/memory.ts';
import { authority, authorityFile } from '../../../../src/identity/certificates/authority.ts';
import { readGivenAuthority, readGivenCertificate } from '../../../../src/identity/certificates/given-certificate.ts';
import { issueCertificate } from '../../../../src/identity/certificates/leaf-certificate.ts';
import { readGivenImageKey } from '../../../../src/identity/keys/given-key.ts';
import { placeKeyPair } from '../../../../src/identity/keys/key-file.ts';
import { imageKey, imageKeyFile } from '../../../../src/image/keys.ts';
import { keyPemOf, type MadeCertificate, makeCertificate, newKey } from '../../../fixtures/identity/certificates.ts';

const ed25519 = () => keyPemOf(generateKeyPairSync('ed25519').privateKey);
/** A host whose clock is that of the certificates, with what an admin brings. */
const hostWith = (certificate: string, key: string, mode = 0o600) =>
  memoryHost({ files: { '/given.pem': certificate, '/given.key': { data: key, mode } }, startMs: Date.now() });
const GIVEN = { certificate: '/given.pem', key: '/given.key' };

describe('an image key that an admin brings', () => {
  it('is taken to its place, for its owner only, and its public half beside it', async () => {
    const host = hostWith('', ed25519());
    await placeKeyPair(host, imageKeyFile('/keys'), await readGivenImageKey(host, '/given.key'));
    expect(await host.files.stat('/keys/image.key')).toMatchObject({ mode: 0o600 });
    expect(await host.files.readText('/keys/image.key')).toBe(await host.files.readText('/given.key'));
    const { publicPem } = await imageKey(host, '/keys');
    expect(await host.files.readText('/keys/image.pem')).toBe(publicPem);
  });

  it('is never put over another one, and may be brought twice', async () => {
    const host = hostWith('', ed25519());
    const { publicPem } = await imageKey(host, '/keys');
    const given = await readGivenImageKey(host, '/given.key');
    await expect(placeKeyPair(host, imageKeyFile('/keys'), given)).rejects.toMatchObject({
      code: 'key-there',
      hint: expect.stringContaining('--rotate'),
    });
    expect((await imageKey(host, '/keys')).publicPem).toBe(publicPem);
    for (const _ of [1, 2]) await placeKeyPair(host, imageKeyFile('/other'), given);
  });

  it.each([
    ['another kind of key', () => keyPemOf(newKey()), 0o600, 'key-unfit', 'is a key of ec'],
    ['no key', () => 'junk', 0o600, 'key-invalid', 'no private key'],
    ['readable by others', ed25519, 0o644, 'key-exposed', 'can be read by others'],
    [
      'encrypted',
      () =>
        generateKeyPairSync('ed25519')
          .privateKey.export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'x' })
          .toString(),
      0o600,
      'key-encrypted',
      'is encrypted',
    ],
  ])('is refused when it is %s', async (_, make, mode, code, text) => {
    const host = hostWith('', make(), mode);
    await expect(readGivenImageKey(host, '/given.key')).rejects.toMatchObject({
      code,
      message: expect.stringMatching(new RegExp(`^/given.key .*${text}`)),
    });
  });

  it('is refused when there is none', async () => {
    await expect(readGivenImageKey(memoryHost(), '/given.key')).rejects.toMatchObject({ code: 'key-unreadable' });
  });
});

describe('a certificate authority that an admin brings', () => {
  let root: MadeCertificate;
  beforeAll(async () => {
    root = await makeCertificate({ name: 'Lab root' });
  });

  const rsa = () => generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey;
  it.each([
    ['P-256', () => newKey()],
    ['P-384', () => newKey('P-384')],
    ['RSA', rsa],
  ])('signs for machines with a key of %s', async (_, make) => {
    const made = await makeCertificate({ name: 'Lab CA', key: make() });
    const host = hostWith(made.pem, made.keyPem);
    const { privateKey, certificatePem } = await readGivenAuthority(host, GIVEN);
    await placeKeyPair(host, authorityFile('/state/keys'), privateKey, certificatePem);
    expect(await host.files.stat('/state/keys/ca.key')).toMatchObject({ mode: 0o600 });
    const taken = await authority(host, '/state/keys');
    const { privateKey: machine } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const { createPublicKey } = await import('node:crypto');
    const { pem } = await issueCertificate(taken, {
      ...{ publicKey: createPublicKey(machine), commonName: 'print01', dnsNames: ['print01'] },
      ...{ role: 'machine', notBeforeMs: Date.now() - 1000, notAfterMs: Date.now() + 1000 },
    });
    const [leaf, ca] = [new X509Certificate(pem), new X509Certificate(made.pem)];
    expect(leaf.checkIssued(ca) && leaf.verify(ca.publicKey)).toBe(true);
  });

  it('may be one that a root signed for, when the root is behind it in the file', async () => {
    const made = await makeCertificate({ name: 'Lab CA', issuer: root });
    const { certificatePem } = await readGivenAuthority(hostWith(`${made.pem}${root.pem}`, made.keyPem), GIVEN);
    expect(certificatePem).toBe(`${made.pem}${root.pem}`);
    await expect(readGivenAuthority(hostWith(made.pem, made.keyPem), GIVEN)).rejects.toMatchObject({
      code: 'certificate-unfit',
      message: expect.stringContaining('/given.pem has not the certificate of who issued CN=Lab CA'),
    });
    const stranger = await makeCertificate({ name: 'Lab root' });
    await expect(readGivenAuthority(hostWith(`${made.pem}${stranger.pem}`, made.keyPem), GIVEN)).rejects.toMatchObject({
      code: 'certificate-unfit',
    });
  });

  it('keeps its key and gets another certificate, when it was renewed', async () => {
    const [old, renewed] = [root, await makeCertificate({ name: 'Lab root', key: root.key, untilDays: 9999 })];
    for (const made of [old, renewed]) {
      const host = hostWith(old.pem, old.keyPem);
      await placeKeyPair(host, authorityFile('/state/keys'), old.key, old.pem);
      await placeKeyPair(host, authorityFile('/state/keys'), made.key, made.pem);
      expect((await authority(host, '/state/keys')).certificatePem).toBe(made.pem);
    }
  });

  it.each<[string, () => Promise<readonly [string, string]>, string, RegExp]>([
    [
      'is for a server only',
      async () => {
        const { pem, keyPem } = await makeCertificate({ name: 'host', isAuthority: false });
        return [pem, keyPem];
      },
      'certificate-unfit',
      /^\/given.pem is no certificate of an authority/,
    ],
    ['has another key', async () => [root.pem, keyPemOf(newKey())], 'key-mismatch', /^\/given.key is not the key of/],
    [
      'is over',
      async () => {
        const { pem, keyPem } = await makeCertificate({ name: 'Lab CA', fromDays: -9, untilDays: -2 });
        return [pem, keyPem];
      },
      'certificate-expired',
      /^\/given.pem: the certificate of CN=Lab CA ended at \d{4}-.*Z, and it is \d{4}-.*Z here$/,
    ],
    [
      'does not count yet',
      async () => {
        const { pem, keyPem } = await makeCertificate({ name: 'Lab CA', fromDays: 2 });
        return [pem, keyPem];
      },
      'certificate-expired',
      /counts only from \d{4}-.*Z on/,
    ],
    [
      'has too short a key',
      async () => {
        const key = generateKeyPairSync('rsa', { modulusLength: 1024 }).privateKey;
        const { pem, keyPem } = await makeCertificate({ name: 'Lab CA', key });
        return [pem, keyPem];
      },
      'key-unfit',
      /is a key of rsa 1024/,
    ],
    ['is none', async () => ['junk', root.keyPem], 'certificate-invalid', /has no certificate in PEM/],
    [
      'is cut off',
      async () => ['-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n', root.keyPem],
      'certificate-invalid',
      /cannot be read/,
    ],
  ])('is refused when it %s', async (_, make, code, message) => {
    const host = hostWith(...(await make()));
    await expect(readGivenAuthority(host, GIVEN)).rejects.toMatchObject({
      code,
      message: expect.stringMatching(message),
    });
  });

  it.each([
    ['over', { fromDays: -9, untilDays: -2 }, /^\/given.pem: the certificate of CN=Old root ended at /],
    ['of tomorrow', { fromDays: 1 }, /^\/given.pem: the certificate of CN=Old root counts only from /],
  ])('is refused for an issuer behind it that is %s: machines would refuse them both', async (_, days, message) => {
    const old = await makeCertificate({ name: 'Old root', ...days });
    const middle = await makeCertificate({ name: 'Middle', issuer: old });
    for (const [issuer, chain] of [
      [old, old.pem],
      [middle, `${middle.pem}${old.pem}`],
    ] as const) {
      const authority = await makeCertificate({ name: 'Lab CA', issuer });
      const server = await makeCertificate({ name: 'host', names: ['host'], isAuthority: false, issuer });
      await expect(readGivenAuthority(hostWith(authority.pem + chain, authority.keyPem), GIVEN)).rejects.toMatchObject({
        code: 'certificate-expired',
        message: expect.stringMatching(message),
      });
      await expect(readGivenCertificate(hostWith(server.pem + chain, server.keyPem), GIVEN)).rejects.toMatchObject({
        code: 'certificate-expired',
      });
    }
  });

  it('is read as a server’s certificate is, but for what an authority needs', async () => {
    const { pem, keyPem } = await makeCertificate({ name: 'host', isAuthority: false, issuer: root });
    expect((await readGivenCertificate(hostWith(pem, keyPem), GIVEN)).pem).toBe(pem);
  });
});
