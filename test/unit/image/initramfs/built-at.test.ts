import { describe, expect, it } from 'vitest';
import { memoryHost } from '../../../../src/host/memory.ts';
import { builtAtSeconds } from '../../../../src/image/initramfs/built-at.ts';
import { makeCertificate } from '../../../fixtures/identity/certificates.ts';

const MADE = 1_795_176_000;

function squashfs(): Buffer {
  const image = Buffer.alloc(4096);
  image.write('hsqs');
  image.writeUInt32LE(MADE, 8);
  return image;
}
function erofs(): Buffer {
  const image = Buffer.alloc(4096);
  image.writeUInt32LE(0xe0f5e1e2, 1024);
  image.writeBigUInt64LE(BigInt(MADE), 1024 + 24);
  return image;
}
const builtAt = (image: Buffer | string, type: 'squashfs' | 'erofs', trusted: Record<string, string> = {}) =>
  builtAtSeconds(memoryHost({ files: { '/root': image } }), { path: '/root', type }, trusted);

describe('the moment before which no machine boots an initramfs', () => {
  it('is when its image was made, as the superblock says', async () => {
    expect(await builtAt(squashfs(), 'squashfs')).toBe(MADE);
    expect(await builtAt(erofs(), 'erofs')).toBe(MADE);
  });

  it('is later where a certificate that it trusts counts only from then on', async () => {
    const { pem } = await makeCertificate({ name: 'CA', fromDays: -1 });
    const yesterday = Date.now() / 1000 - 86_400;
    expect(Math.abs((await builtAt('', 'squashfs', { 'ca.pem': pem })) - yesterday)).toBeLessThan(60);
    const { pem: old } = await makeCertificate({ name: 'CA', fromDays: -9999 });
    expect(await builtAt(squashfs(), 'squashfs', { 'next.ca.pem': old, 'x.image.pem': 'key' })).toBe(MADE);
  });

  it('is unknown where nothing tells', async () => {
    expect(await builtAt('short', 'squashfs')).toBe(0);
    expect(await builtAt(squashfs(), 'erofs')).toBe(0);
    expect(await builtAt('', 'erofs', { 'ca.pem': 'junk' })).toBe(0);
    const root = { path: '/missing', type: 'squashfs' } as const;
    expect(await builtAtSeconds(memoryHost(), root, {})).toBe(0);
  });
});
