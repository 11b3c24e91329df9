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
import { type SoftwareTpm, startSoftwareTpm, tpmAt } from '../../../fixtures/swtpm.ts';

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
