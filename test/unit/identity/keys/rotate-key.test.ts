import { createPublicKey } from 'node:crypto';
import { beforeEach, describe, expect, it } from 'vitest';
import { type MemoryHost, memoryHost } from '../../../../src/host/memory.ts';
import { authoritiesOfMachines, authority } from '../../../../src/identity/certificates/authority.ts';
import { bundleKey } from '../../../../src/identity/keys/bundle-key.ts';
import { listKeys } from '../../../../src/identity/keys/list-keys.ts';
import { fingerprintOfPem, replaceKey, retireKey, rotateKey } from '../../../../src/identity/keys/rotate-key.ts';
import { giveAuthorities } from '../../../../src/image/builder-authorities.ts';
import { imageKey, trustAnchors } from '../../../../src/image/keys.ts';
import { manifestIsSigned, signManifest } from '../../../../src/signed/image-manifest.ts';
import { readKeyCertificate } from '../../../../src/signed/key-certificate.ts';
import { failingHost } from '../../../fixtures/hosts/failing.ts';
import { placeAuthority } from '../../../fixtures/identity/authority.ts';

let host: MemoryHost;
beforeEach(() => {
  host = memoryHost();
});

const imageKeysIn = async () =>
  Object.entries(await trustAnchors(host, '/keys')).flatMap(([name, pem]) => (name.endsWith('image.pem') ? [pem] : []));
const rotateImage = () => rotateKey(host, '/keys', 'image', () => imageKey(host, '/keys', 'next'));
/** What machines trust whose initramfs was built before, during and after an exchange, and images of then. */
async function exchangedImageKey() {
  const sign = async () => signManifest('{}', (await imageKey(host, '/keys')).privateKey);
  await imageKey(host, '/keys');
  const before = { trusted: await imageKeysIn(), signature: await sign() };
  await rotateImage();
  const during = { trusted: await imageKeysIn(), signature: await sign() };
  await retireKey(host, '/keys', 'image');
  const after = { trusted: await imageKeysIn(), signature: await sign() };
  return { before, during, after };
}

describe('an image key that is exchanged', () => {
  it('is trusted beside the new one, until it is retired', async () => {
    const { before, during, after } = await exchangedImageKey();
    expect(during.trusted).toEqual([...before.trusted, ...after.trusted]);
    expect([before, during, after].map(({ trusted }) => trusted.length)).toEqual([1, 2, 1]);
  });

  it.each([
    ['before', 'before', true],
    ['before', 'during', true],
    ['before', 'after', false],
    ['during', 'before', true],
    ['during', 'during', true],
    ['during', 'after', true],
    ['after', 'before', false],
    ['after', 'during', false],
    ['after', 'after', true],
  ] as const)('lets a machine with an initramfs of %s boot an image of %s: %s', async (machine, image, expected) => {
    const times = await exchangedImageKey();
    expect(manifestIsSigned('{}', times[image].signature, times[machine].trusted)).toBe(expected);
  });

  it('leaves the old pair aside, and the new one for its owner only', async () => {
    const { before } = await exchangedImageKey();
    const old = `/keys/retired/image-${fingerprintOfPem(before.trusted[0] ?? '')}`;
    expect(await host.files.readText(`${old}.pem`)).toBe(before.trusted[0]);
    for (const path of [`${old}.key`, '/keys/image.key'])
      expect(await host.files.stat(path)).toMatchObject({ mode: 0o600 });
    expect(await host.files.stat('/keys/retired')).toMatchObject({ mode: 0o700 });
    expect(await host.files.list('/keys')).toEqual(['image.key', 'image.pem', 'retired']);
  });

  it('is refused a second time before the first is done, and an end that has no beginning', async () => {
    await expect(rotateImage()).rejects.toMatchObject({ code: 'key-missing' });
    await imageKey(host, '/keys');
    await expect(retireKey(host, '/keys', 'image')).rejects.toMatchObject({ code: 'rotation-missing' });
    await rotateImage();
    await expect(rotateImage()).rejects.toMatchObject({ code: 'rotation-open' });
  });

  it('is refused for the very same key', async () => {
    await imageKey(host, '/keys');
    const copy = async () => {
      for (const half of ['key', 'pem'])
        await host.files.write(`/keys/image.next.${half}`, await host.files.read(`/keys/image.${half}`), {
          mode: 0o600,
        });
    };
    await expect(rotateKey(host, '/keys', 'image', copy)).rejects.toMatchObject({ code: 'key-there' });
    expect(await host.files.list('/keys')).toEqual(['image.key', 'image.pem']);
  });

  it('is exchanged as well when the power goes at any moment and it is said again', async () => {
    for (let at = 1; ; at += 1) {
      host = memoryHost();
      await imageKey(host, '/keys');
      await rotateImage();
      const successor = await host.files.readText('/keys/image.next.pem');
      const failing = failingHost(host, { at, how: 'stop' });
      await retireKey(failing, '/keys', 'image').catch(() => undefined);
      // Whatever signs now is trusted by an initramfs that is built now.
      const { privateKey } = await imageKey(host, '/keys');
      expect(manifestIsSigned('{}', signManifest('{}', privateKey), await imageKeysIn())).toBe(true);
      if (await host.files.stat('/keys/image.next.pem')) await retireKey(host, '/keys', 'image');
      expect((await imageKey(host, '/keys')).publicPem).toBe(successor);
      expect(await imageKeysIn()).toEqual([successor]);
      if (failing.effects < at) break;
    }
  });
});

describe('a bundle key that is exchanged', () => {
  it('is certified anew by the image key, later than the old one even by a clock that was set back', async () => {
    const image = await imageKey(host, '/keys');
    const old = await bundleKey(host, '/state/keys', image);
    const certificate = async () => {
      const text = await host.files.readText('/state/keys/bundle.cert.json');
      return readKeyCertificate(text, await host.files.read('/state/keys/bundle.cert.json.sig'), [image.publicPem]);
    };
    const before = await certificate();
    await replaceKey(host, '/state/keys', 'bundle');
    const backThen = { ...host, clock: { ...host.clock, now: () => 0 } };
    const fresh = await bundleKey(backThen, '/state/keys', image);
    const after = await certificate();
    expect(fresh.publicPem).not.toBe(old.publicPem);
    expect(after?.key).toBe(fresh.publicPem);
    expect(Date.parse(after?.notBefore ?? '')).toBeGreaterThan(Date.parse(before?.notBefore ?? ''));
  });

  it('needs one that is there', async () => {
    await expect(replaceKey(host, '/state/keys', 'bundle')).rejects.toMatchObject({ code: 'key-missing' });
  });

  it('is certified by the new image key when the old one is retired', async () => {
    await bundleKey(host, '/state/keys', await imageKey(host, '/keys'));
    await rotateImage();
    await retireKey(host, '/keys', 'image');
    const fresh = await imageKey(host, '/keys');
    await bundleKey(host, '/state/keys', fresh);
    const text = await host.files.readText('/state/keys/bundle.cert.json');
    const signature = await host.files.read('/state/keys/bundle.cert.json.sig');
    expect(readKeyCertificate(text, signature, [fresh.publicPem])).toBeDefined();
  });
});

describe('a certificate authority that is exchanged', () => {
  const rotate = () => rotateKey(host, '/state/keys', 'ca', () => authority(host, '/state/keys', 'next'));

  it('is baked in beside the new one, until it is retired; what it signed for machines is accepted all the time', async () => {
    const { certificatePem: old } = await placeAuthority(host, '/state/keys');
    await imageKey(host, '/keys');
    const baked = async () => {
      await giveAuthorities(host, '/state/keys', '/keys');
      const { 'ca.pem': ca, 'next.ca.pem': next } = await trustAnchors(host, '/keys');
      return [ca, next];
    };
    expect(await baked()).toEqual([old, undefined]);
    await rotate();
    const next = await host.files.readText('/state/keys/ca.next.pem');
    expect(await baked()).toEqual([old, next]);
    expect((await authority(host, '/state/keys')).certificatePem).toBe(old);
    expect(await authoritiesOfMachines(host, '/state/keys')).toEqual([old, next]);
    await retireKey(host, '/state/keys', 'ca');
    expect(await baked()).toEqual([next, undefined]);
    expect((await authority(host, '/state/keys')).certificatePem).toBe(next);
    expect(await authoritiesOfMachines(host, '/state/keys')).toEqual([next, old]);
  });

  it('of another server is not given to the builder', async () => {
    await placeAuthority(host, '/state/keys');
    await authority(host, '/other/keys');
    await imageKey(host, '/keys');
    await giveAuthorities(host, '/state/keys', '/keys');
    await expect(giveAuthorities(host, '/other/keys', '/keys')).rejects.toMatchObject({ code: 'ca-differs' });
  });
});

it('keys are listed with what they are good for', async () => {
  const image = await imageKey(host, '/keys');
  await bundleKey(host, '/state/keys', image);
  await placeAuthority(host, '/state/keys');
  await rotateImage();
  await replaceKey(host, '/state/keys', 'bundle');
  await bundleKey(host, '/state/keys', image);
  const listed = await listKeys(host, { image: '/keys', bundle: '/state/keys', ca: '/state/keys' });
  expect(listed.map(({ key, role }) => `${key} ${role}`)).toEqual([
    'image current',
    'image trusted',
    'bundle current',
    'bundle retired',
    'ca current',
  ]);
  expect(listed[0]).toMatchObject({ fingerprint: fingerprintOfPem(image.publicPem), sinceMs: host.clock.now() });
  expect(new Date(listed.at(-1)?.untilMs ?? 0).getUTCFullYear()).toBe(2056);
  expect(createPublicKey(await host.files.readText(listed[1]?.file ?? '')).type).toBe('public');
});
