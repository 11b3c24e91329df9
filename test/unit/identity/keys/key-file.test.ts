import { createPrivateKey, generateKeyPairSync } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { memoryHost } from '../../../../src/host/memory.ts';
import { keyPair, placeKeyPair } from '../../../../src/identity/keys/key-file.ts';

const FILE = { path: '/keys/x', purpose: 'the key that signs', advice: 'keep it' } as const;
const make = () => generateKeyPairSync('ed25519').privateKey;
const PEM = make().export({ type: 'pkcs8', format: 'pem' }).toString();

describe('a key', () => {
  it.each([
    ['a link to a key that others can read', { target: '/srv/x.key' }, { data: PEM, mode: 0o644 }],
    ['a link to such a link', { target: '/srv/link' }, { data: PEM, mode: 0o640 }],
  ])('is not read through %s', async (_title, link, key) => {
    const host = memoryHost({
      files: { '/keys/x.key': link, '/srv/link': { target: 'x.key' }, '/srv/x.key': key },
    });
    const exposed = { code: 'key-exposed', hint: expect.stringContaining('chmod 600 /keys/x.key') };
    await expect(keyPair(host, FILE, make)).rejects.toMatchObject(exposed);
    await expect(placeKeyPair(host, FILE, make())).rejects.toMatchObject(exposed);
    expect(await host.files.readText('/srv/x.key')).toBe(PEM);
  });

  it('is read through a link to what its owner alone reads, and a link to nothing is told as that', async () => {
    const host = memoryHost({
      files: { '/keys/x.key': { target: '/srv/x.key' }, '/srv/x.key': { data: PEM, mode: 0o600 } },
    });
    const { privateKey } = await keyPair(host, FILE, make);
    expect(privateKey.equals(createPrivateKey(PEM))).toBe(true);
    await host.files.remove('/srv/x.key');
    await expect(keyPair(host, FILE, make)).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it('has its public half again where that was lost, and keeps the one that is there', async () => {
    const host = memoryHost({ files: { '/keys/x.key': { data: PEM, mode: 0o600 } } });
    const { publicPem } = await keyPair(host, FILE, make);
    expect(await host.files.readText('/keys/x.pem')).toBe(publicPem);
    await host.files.write('/keys/x.pem', 'a certificate');
    await keyPair(host, FILE, make);
    expect(await host.files.readText('/keys/x.pem')).toBe('a certificate');
    await host.files.remove('/keys/x.pem');
    await keyPair(host, FILE, make, () => 'another certificate');
    expect(await host.files.readText('/keys/x.pem')).toBe('another certificate');
  });

  it('that an admin brings is told where it is, and what it is for', async () => {
    const host = memoryHost({ files: { '/keys': { type: 'dir' } } });
    await placeKeyPair(host, FILE, createPrivateKey(PEM), 'its certificate');
    expect(host.lines).toEqual([{ level: 'info', text: 'took the key that signs: /keys/x.key (keep it)' }]);
    expect(await host.files.readText('/keys/x.pem')).toBe('its certificate');
  });

  it.each([
    ['ENOSPC', 'ENOSPC'],
    [undefined, 'the disk is gone'],
  ])('that cannot be written is no key: %j', async (code, why) => {
    const host = memoryHost();
    const files = {
      ...host.files,
      write: async () => {
        throw Object.assign(new Error('the disk is gone'), code && { code, path: '/keys/x.key', syscall: 'write' });
      },
    };
    const failed = await keyPair({ ...host, files }, FILE, make).catch((error) => error);
    expect([failed.code, failed.hint === undefined, host.lines]).toEqual(['keys-unwritable', false, []]);
    if (code === undefined) {
      expect(failed.message).toBe(`/keys/x.key cannot be made: ${why}`);
      expect(failed.hint).toBe('name another folder with --keys or --state');
    }
  });
});
