import { spawnSync } from 'node:child_process';
import { createPublicKey, sign, verify } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Tpm } from '../../../../src/host/host.ts';
import { type MemoryHost, memoryHost } from '../../../../src/host/memory.ts';
import { fingerprintOf, keyDigest } from '../../../../src/identity/certificates/fingerprint.ts';
import { keepSecrets, readKeptSecrets } from '../../../../src/identity/machine/kept-secrets.ts';
import { machineKey } from '../../../../src/identity/machine/machine-key.ts';
import { readPrivate } from '../../../../src/identity/machine/sealed-file.ts';
import { type SoftwareTpm, startSoftwareTpm, tpmAt } from '../../../fixtures/identity/swtpm.ts';

const PATH = '/disk/identity/machine.key';
const HOME = '/disk/identity';

const hasSoftwareTpm = spawnSync('swtpm', ['--version']).error === undefined;

const NONE: Tpm = { open: async () => undefined };
/** Answers everything with TPM_RC_FAILURE. */
const BROKEN: Tpm = {
  open: async () => ({
    send: async () => Buffer.from('80010000000a00000101', 'hex'),
    [Symbol.asyncDispose]: async () => {},
  }),
};

describe.skipIf(!hasSoftwareTpm)('with a TPM 2.0 in software', () => {
  let dir: string;
  let ours: Tpm;
  let other: Tpm;
  const started: SoftwareTpm[] = [];
  beforeAll(async () => {
    dir = mkdtempSync(join(tmpdir(), 'statectl-tpm-'));
    for (const name of ['ours', 'other']) started.push(await startSoftwareTpm(join(dir, name), 'commands'));
    [ours, other] = started.map(({ socket }) => tpmAt(socket)) as [Tpm, Tpm];
  });
  afterAll(async () => {
    for (const each of started) await each[Symbol.asyncDispose]();
    rmSync(dir, { recursive: true });
  });

  let host: MemoryHost;
  let warned: string[];
  beforeEach(() => {
    host = memoryHost();
    warned = [];
  });

  /** One boot: the machine's key with this TPM. */
  const keyWith = async (tpm: Tpm, isKept = true) => {
    const { key, is } = await machineKey({ ...host, tpm }, PATH, isKept, (text) => void warned.push(text));
    return { is, fingerprint: fingerprintOf(keyDigest(key)) };
  };
  const onDisk = () => host.files.readText(PATH);

  describe('the key of a machine with a TPM', () => {
    it('is sealed, and the same at each boot', async () => {
      const first = await keyWith(ours);
      expect(first.is).toBe('sealed');
      expect(await onDisk()).not.toContain('PRIVATE KEY');
      expect((await host.files.stat(PATH))?.mode).toBe(0o600);
      expect(await keyWith(ours)).toEqual(first);
      expect(warned).toEqual([]);
    });

    it('is not opened by another TPM: another one is made, and the old one put aside', async () => {
      const first = await keyWith(ours);
      const sealed = await onDisk();
      const second = await keyWith(other);
      expect(second.fingerprint).not.toBe(first.fingerprint);
      expect(warned).toEqual([expect.stringContaining('another TPM sealed it')]);
      expect(await host.files.readText(`${PATH}.unopened`)).toBe(sealed);
      expect(await keyWith(other)).toEqual(second);
    });

    it.each([
      ['is not there', NONE, 'is sealed by a TPM, and this machine has none'],
      ['does not do its work', BROKEN, 'the TPM answers createPrimary with 0x101'],
    ])('waits for a TPM that %s, and the boot has another one', async (_, tpm, why) => {
      const first = await keyWith(ours);
      const meanwhile = await keyWith(tpm);
      expect(meanwhile.is).toBe('ram');
      expect(meanwhile.fingerprint).not.toBe(first.fingerprint);
      expect(warned).toEqual([expect.stringMatching(new RegExp(`${why}: this boot has a key of its own`))]);
      expect(await keyWith(ours)).toEqual(first);
    });

    it('that was altered on the disk is not taken', async () => {
      const first = await keyWith(ours);
      const file = JSON.parse(await onDisk()) as { data: string };
      const data = Buffer.from(file.data, 'base64');
      data[20] = (data[20] ?? 0) ^ 1;
      await host.files.write(PATH, JSON.stringify({ ...file, data: data.toString('base64') }));
      expect((await keyWith(ours)).fingerprint).not.toBe(first.fingerprint);
      expect(warned).toEqual([expect.stringContaining('is damaged')]);
    });

    it('stays the same and is sealed when the TPM came later', async () => {
      const first = await keyWith(NONE);
      expect(first.is).toBe('unsealed');
      expect(await onDisk()).toContain('PRIVATE KEY');
      expect(await keyWith(ours)).toEqual({ ...first, is: 'sealed' });
      expect(await onDisk()).not.toContain('PRIVATE KEY');
    });

    it('is kept unsealed, and that is told, when the TPM does not do its work', async () => {
      expect((await keyWith(BROKEN)).is).toBe('unsealed');
      expect(warned).toEqual([expect.stringContaining('is kept unsealed: the TPM answers createPrimary with 0x101')]);
      const gone: Tpm = { open: () => Promise.reject(new Error('EACCES')) };
      expect((await keyWith(gone)).is).toBe('unsealed');
    });

    it('comes out of the TPM without a disk, the same at each boot and another one of another TPM', async () => {
      const first = await keyWith(ours, false);
      expect(first.is).toBe('tpm');
      expect(await host.files.stat(PATH)).toBeUndefined();
      expect(await keyWith(ours, false)).toEqual(first);
      expect((await keyWith(other, false)).fingerprint).not.toBe(first.fingerprint);
      expect(warned).toEqual([]);
    });

    it('is of this boot alone without disk and TPM, and where the TPM does not do its work', async () => {
      expect((await keyWith(NONE, false)).is).toBe('ram');
      expect(warned).toEqual([]);
      expect((await keyWith(BROKEN, false)).is).toBe('ram');
      expect(warned).toEqual([expect.stringContaining('the TPM answers createPrimary with 0x101')]);
    });

    it('that comes out of the TPM signs and is on its curve', async () => {
      const { key } = await machineKey({ ...host, tpm: ours }, PATH, false, () => {});
      const signature = sign('sha256', Buffer.from('x'), key);
      expect(verify('sha256', Buffer.from('x'), createPublicKey(key), signature)).toBe(true);
    });
  });

  it('is read as it is, and not written again, while nothing changes: flash wears', async () => {
    const writes = () => host.calls.filter((call) => call.kind === 'file' && call.path === PATH).length;
    for (const tpm of [NONE, ours]) {
      await keyWith(tpm);
      const before = writes();
      await keyWith(tpm);
      expect(writes()).toBe(before);
    }
  });

  it('that was altered is not taken for having a shorter tag, which is easier to guess', async () => {
    await keyWith(ours);
    const file = JSON.parse(await onDisk());
    const tag = Buffer.from(file.tag, 'base64').subarray(0, 4).toString('base64');
    await host.files.write(PATH, JSON.stringify({ ...file, tag }));
    await expect(readPrivate({ ...host, tpm: ours }, PATH)).rejects.toMatchObject({ code: 'sealed-damaged' });
  });

  it('secrets that a machine keeps are opened by its own TPM alone', async () => {
    const secrets = { node: 'print01', secrets: [], passwords: { ada: 'canary' }, missing: {} };
    await host.files.mkdir(HOME, 0o700);
    await keepSecrets({ ...host, tpm: ours }, HOME, secrets);
    for (const name of await host.files.list(HOME))
      expect(await host.files.readText(`${HOME}/${name}`)).not.toMatch(/canary|AGE-SECRET-KEY/);
    expect(await readKeptSecrets({ ...host, tpm: ours }, HOME)).toEqual(secrets);
    await expect(readKeptSecrets({ ...host, tpm: other }, HOME)).rejects.toThrow();
  });
});

describe('a private text on a disk', () => {
  const GOOD = { format: 1, sealed: { private: 'AA', public: 'AA' }, iv: 'AA', tag: 'AA', data: 'AA' };

  it.each([
    '{',
    '{}',
    JSON.stringify({ ...GOOD, format: 2 }),
    JSON.stringify({ ...GOOD, sealed: { private: 'AA' } }),
    JSON.stringify({ ...GOOD, sealed: { private: 7, public: 'AA' } }),
    JSON.stringify({ ...GOOD, iv: 7 }),
    JSON.stringify({ ...GOOD, tag: undefined }),
    JSON.stringify({ ...GOOD, data: null }),
  ])('that is none of ours is damaged, and no TPM is asked of it: %s', async (text) => {
    const host = memoryHost({ files: { [PATH]: text }, tpm: BROKEN });
    await expect(readPrivate(host, PATH)).rejects.toMatchObject({ code: 'sealed-damaged' });
  });

  it('that is sealed waits for its TPM', async () => {
    const text = JSON.stringify(GOOD);
    await expect(readPrivate(memoryHost({ files: { [PATH]: text } }), PATH)).rejects.toMatchObject({
      code: 'tpm-missing',
    });
    await expect(readPrivate(memoryHost({ files: { [PATH]: text }, tpm: BROKEN }), PATH)).rejects.toMatchObject({
      code: 'tpm-failed',
    });
  });

  it('of which half is left is put aside, and another one made', async () => {
    const half = '-----BEGIN PRIVATE KEY-----\nMIGH';
    const warned: string[] = [];
    const host = memoryHost({ files: { [PATH]: half } });
    const { is } = await machineKey(host, PATH, true, (text) => void warned.push(text));
    expect([is, await host.files.readText(`${PATH}.unopened`)]).toEqual(['unsealed', half]);
    expect(warned).toEqual([
      expect.stringMatching(/^\/disk\/identity\/machine\.key cannot be opened, and another one is made: /),
    ]);
    expect((await host.files.stat(PATH))?.mode).toBe(0o600);
  });
});

describe('the secrets that a machine keeps', () => {
  const SECRETS = { node: 'print01', secrets: [], passwords: { ada: 'canary' }, missing: {} };

  it('are for its owner alone, and none before the first', async () => {
    const host = memoryHost();
    expect(await readKeptSecrets(host, HOME)).toBeUndefined();
    expect(await host.files.stat(`${HOME}/secrets.key`)).toBeUndefined();
    await host.files.mkdir(HOME, 0o700);
    await keepSecrets(host, HOME, SECRETS);
    expect(await readKeptSecrets(host, HOME)).toEqual(SECRETS);
    for (const name of ['secrets.age', 'secrets.key'])
      expect((await host.files.stat(`${HOME}/${name}`))?.mode).toBe(0o600);
    expect((await host.files.read(`${HOME}/secrets.age`)).toString('latin1')).not.toContain('canary');
  });

  it('are lost with their key, which is made anew for the next', async () => {
    const host = memoryHost({ files: { [HOME]: { type: 'dir' } } });
    await keepSecrets(host, HOME, SECRETS);
    await host.files.write(`${HOME}/secrets.key`, 'half\n');
    await expect(readKeptSecrets(host, HOME)).rejects.toThrow();
    expect(await host.files.readText(`${HOME}/secrets.key.unopened`)).toBe('half\n');
    await keepSecrets(host, HOME, SECRETS);
    expect(await readKeptSecrets(host, HOME)).toEqual(SECRETS);
  });
});
