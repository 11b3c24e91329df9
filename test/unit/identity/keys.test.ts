import { createPublicKey, generateKeyPairSync, X509Certificate } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { memoryHost } from '../../../src/host/memory.ts';
import { authority } from '../../../src/identity/certificates/authority.ts';
import { bundleKey } from '../../../src/identity/keys/bundle-key.ts';
import { imageKey, trustAnchors } from '../../../src/image/keys.ts';
import { readKeyCertificate, signKeyCertificate, writeKeyCertificate } from '../../../src/signed/key-certificate.ts';

const pemOf = (kind: 'ed25519') =>
  generateKeyPairSync(kind).privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();

describe('the image key', () => {
  test('is made on first need, for its owner only, and said so', async () => {
    const host = memoryHost();
    const { publicPem } = await imageKey(host, '/keys');
    expect(await host.files.stat('/keys')).toMatchObject({ mode: 0o700 });
    expect(await host.files.stat('/keys/image.key')).toMatchObject({ mode: 0o600 });
    expect(await host.files.readText('/keys/image.pem')).toBe(publicPem);
    expect(createPublicKey(publicPem).asymmetricKeyType).toBe('ed25519');
    expect(host.lines.map(({ text }) => text)).toEqual([
      expect.stringContaining('made the key that signs images: /keys/image.key'),
    ]);
  });

  test('is never overwritten', async () => {
    const host = memoryHost({ files: { '/keys/image.key': { data: pemOf('ed25519'), mode: 0o600 } } });
    const first = await imageKey(host, '/keys');
    const second = await imageKey(host, '/keys');
    expect(second.publicPem).toBe(first.publicPem);
    expect(host.lines).toEqual([]);
    expect(host.calls.filter((call) => call.kind === 'file' && call.path === '/keys/image.key')).toEqual([]);
  });

  test('is refused when others can read it, or when it is none', async () => {
    const exposed = memoryHost({ files: { '/keys/image.key': { data: pemOf('ed25519'), mode: 0o640 } } });
    await expect(imageKey(exposed, '/keys')).rejects.toMatchObject({
      code: 'key-exposed',
      hint: expect.stringContaining('chmod 600'),
    });
    const broken = memoryHost({ files: { '/keys/image.key': { data: 'junk', mode: 0o600 } } });
    await expect(imageKey(broken, '/keys')).rejects.toMatchObject({ code: 'key-invalid' });
  });

  test('is not made anew in silence when only its public half is left', async () => {
    const host = memoryHost({ files: { '/keys/image.pem': 'x' } });
    await expect(imageKey(host, '/keys')).rejects.toMatchObject({ code: 'key-lost' });
    expect(await host.files.stat('/keys/image.key')).toBeUndefined();
  });
});

describe('what an initramfs trusts', () => {
  test('is the public half of the image key, whose private half need not be there, and the CA where there is one', async () => {
    const { publicKey } = generateKeyPairSync('ed25519');
    const pem = publicKey.export({ type: 'spki', format: 'pem' }).toString();
    const host = memoryHost({ files: { '/keys/image.pem': pem } });
    expect(await trustAnchors(host, '/keys')).toEqual({ 'builder.image.pem': pem });
    await host.files.write('/keys/ca.pem', 'certificate');
    expect(await trustAnchors(host, '/keys')).toEqual({ 'builder.image.pem': pem, 'ca.pem': 'certificate' });
  });

  test('never is a private key, even where somebody put one into its place', async () => {
    const host = memoryHost({ files: { '/keys/image.pem': pemOf('ed25519') } });
    await expect(trustAnchors(host, '/keys')).rejects.toMatchObject({ code: 'key-invalid' });
  });
});

describe('the bundle key', () => {
  test('is certified by the image key, for bundles and nothing else', async () => {
    const host = memoryHost();
    const image = await imageKey(host, '/keys');
    const pair = await bundleKey(host, '/state/keys', image);
    expect(await host.files.stat('/state/keys/bundle.key')).toMatchObject({ mode: 0o600 });
    const text = await host.files.readText('/state/keys/bundle.cert.json');
    const signature = await host.files.read('/state/keys/bundle.cert.json.sig');
    expect(readKeyCertificate(text, signature, [image.publicPem])).toEqual({
      format: 1,
      purpose: 'bundle',
      key: pair.publicPem,
      notBefore: '2026-11-20T12:00:00.000Z',
    });
    expect(readKeyCertificate(text.replace('2026', '2025'), signature, [image.publicPem])).toBeUndefined();
    expect(readKeyCertificate(text, signature, [pair.publicPem])).toBeUndefined();
  });

  test('keeps its certificate, unless that is by another image key', async () => {
    const host = memoryHost();
    const first = await imageKey(host, '/keys');
    await bundleKey(host, '/state/keys', first);
    const text = await host.files.readText('/state/keys/bundle.cert.json');
    await host.clock.sleep(1000);
    await bundleKey(host, '/state/keys', first);
    expect(await host.files.readText('/state/keys/bundle.cert.json')).toBe(text);
    const second = await imageKey(host, '/other');
    await bundleKey(host, '/state/keys', second);
    const signature = await host.files.read('/state/keys/bundle.cert.json.sig');
    const renewed = await host.files.readText('/state/keys/bundle.cert.json');
    expect(readKeyCertificate(renewed, signature, [second.publicPem])).toBeDefined();
  });

  test('is not certified by a text that the image key signed for another end', async () => {
    const host = memoryHost();
    const { privateKey, publicPem } = await imageKey(host, '/keys');
    const good = { format: 1, purpose: 'bundle', key: publicPem, notBefore: '2026-11-20T12:00:00.000Z' } as const;
    const text = writeKeyCertificate(good);
    expect(readKeyCertificate(text, signKeyCertificate(text, privateKey), [publicPem])).toEqual(good);
    const others: readonly object[] = [
      { ...good, purpose: 'image' },
      { ...good, purpose: ['bundle'] },
      { ...good, purpose: undefined },
      { ...good, format: 2 },
      { ...good, notBefore: 1 },
      { ...good, key: 'no key' },
    ];
    for (const text of [...others.map((one) => JSON.stringify(one)), '{"format":1,"name":"lab"}\n', 'no json'])
      expect(readKeyCertificate(text, signKeyCertificate(text, privateKey), [publicPem])).toBeUndefined();
  });
});

test('the certificate authority is an X.509 one that machines without a clock accept', async () => {
  const host = memoryHost();
  const { privateKey, certificatePem } = await authority(host, '/state/keys');
  const certificate = new X509Certificate(certificatePem);
  expect(certificate.ca).toBe(true);
  expect(certificate.checkPrivateKey(privateKey) && certificate.verify(certificate.publicKey)).toBe(true);
  expect(new Date(certificate.validFrom).getTime()).toBe(0);
  expect(new Date(certificate.validTo).getUTCFullYear()).toBe(2056);
  expect(await host.files.stat('/state/keys/ca.key')).toMatchObject({ mode: 0o600 });
  expect((await authority(host, '/state/keys')).certificatePem).toBe(certificatePem);

  await host.files.remove('/state/keys/ca.key');
  await expect(authority(host, '/state/keys')).rejects.toMatchObject({ code: 'key-lost' });
});
