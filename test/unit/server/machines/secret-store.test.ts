import { beforeEach, describe, expect, it } from 'vitest';
import { type MemoryHost, memoryHost } from '../../../../src/host/memory.ts';
import { openSecretStore, type SecretStore } from '../../../../src/server/machines/secret-store.ts';

const STATE = '/state';
const KEY = '/state/keys/secrets.key';

let host: MemoryHost;
let store: SecretStore;
beforeEach(async () => {
  host = memoryHost();
  store = await openSecretStore(host, STATE);
});
const modeOf = async (path: string) => ((await host.files.stat(path))?.mode ?? 0) & 0o777;
const refused = (code: string) => expect.objectContaining({ code });
const words = (text: string) => Buffer.from(text);

describe('a secret on the server', () => {
  it('is given back as it was, by another process too, and is nowhere to be read', async () => {
    await store.write('wifi', words('canary'));
    const read = await (await openSecretStore(host, STATE)).read('wifi');
    expect(Buffer.from(read ?? []).toString()).toBe('canary');
    const kept = await host.files.read('/state/secrets/wifi.age');
    expect(kept.toString('latin1')).toMatch(/^age-encryption\.org\/v1\n/);
    expect(kept.toString('latin1')).not.toContain('canary');
  });

  it('lies with its key where its owner alone reads', async () => {
    await store.write('wifi', words('canary'));
    expect(await modeOf('/state/secrets/wifi.age')).toBe(0o600);
    expect(await modeOf('/state/secrets')).toBe(0o700);
    expect(await modeOf(KEY)).toBe(0o600);
    expect(await modeOf('/state/keys')).toBe(0o700);
    expect(await host.files.readText(KEY)).toMatch(/^# .*Keep a copy apart from them\.\nAGE-SECRET-KEY-1\w+\n$/);
  });

  it.each([0o640, 0o604, 0o602])('is neither read nor written while others have the key (mode %o)', async (mode) => {
    await store.write('wifi', words('canary'));
    await host.files.write(KEY, await host.files.readText(KEY), { mode });
    const cause = refused('key-exposed');
    await expect(store.read('wifi')).rejects.toMatchObject({ code: 'secret-unreadable', cause });
    await expect(store.write('wifi', words('other'))).rejects.toMatchObject({ code: 'key-exposed' });
  });

  it('is not made up when it is not there, damaged, or was written with another key', async () => {
    expect(await store.read('wifi')).toBeUndefined();
    await store.write('wifi', words('canary'));
    await host.files.write('/state/secrets/wifi.age', 'age-encryption.org/v1\n', { mode: 0o600 });
    await expect(store.read('wifi')).rejects.toMatchObject({ code: 'secret-unreadable' });
    await store.write('wifi', words('canary'));
    await host.files.remove(KEY);
    await expect(store.read('wifi')).rejects.toMatchObject({ code: 'secret-unreadable' });
    await host.files.write(KEY, 'no key\n', { mode: 0o600 });
    await expect(store.read('wifi')).rejects.toMatchObject({ code: 'secret-unreadable' });
  });

  it.each(['../ca', 'a/b', '.hidden', '', '-x', 'a b', 'a\n', `a${'b'.repeat(128)}`])(
    'has no name that leads elsewhere: %j',
    async (name) => {
      await expect(store.write(name, words('x'))).rejects.toMatchObject({ code: 'secret-invalid' });
      await expect(store.read(name)).rejects.toMatchObject({ code: 'secret-invalid' });
      await expect(store.remove(name)).rejects.toMatchObject({ code: 'secret-invalid' });
      expect(await host.files.stat('/state/secrets')).toBeUndefined();
    },
  );

  it('has one byte to 64 KiB, and a name of up to 128 letters', async () => {
    const name = `A${'.b_-'.repeat(31)}000`;
    expect(name).toHaveLength(128);
    await store.write(name, Buffer.alloc(1));
    await store.write(name, Buffer.alloc(64 * 1024));
    expect(await store.read(name)).toHaveLength(64 * 1024);
    for (const size of [0, 64 * 1024 + 1])
      await expect(store.write(name, Buffer.alloc(size))).rejects.toMatchObject({ code: 'secret-invalid' });
  });

  it('is listed by name, and gone once it is removed', async () => {
    expect(await store.names()).toEqual([]);
    for (const name of ['b', 'a.age', 'c']) await store.write(name, words('x'));
    await host.files.write('/state/secrets/README', 'no secret');
    expect(await store.names()).toEqual(['a.age', 'b', 'c']);
    expect(await store.remove('b')).toBe(true);
    expect(await store.remove('b')).toBe(false);
    expect(await store.names()).toEqual(['a.age', 'c']);
  });
});
