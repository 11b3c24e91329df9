import { createHash } from 'node:crypto';
import { beforeEach, describe, expect, it } from 'vitest';
import type { TpmChannel } from '../../../../src/host/host.ts';
import { macByTpm, sealToTpm, unsealFromTpm } from '../../../../src/identity/machine/tpm.ts';
import { tpmKey } from '../../../../src/identity/machine/tpm-key.ts';

const OK = (hex: string) =>
  Buffer.from(`8001${(10 + hex.length / 2).toString(16).padStart(8, '0')}00000000${hex}`, 'hex');
const fails = (code: string) => Buffer.from(`80010000000a${code}`, 'hex');
/** By the code of the command: TCG, TPM 2.0 Library, part 2, 6.5.2. */
const COMMANDS = new Map([
  [0x131, 'primary'],
  [0x153, 'create'],
  [0x155, 'hmac'],
  [0x157, 'load'],
  [0x15e, 'unseal'],
  [0x165, 'flush'],
]);
/** Handle and size of the parameters, where there are such; then each its length before it. */
const GOOD = {
  primary: OK('8000000100000000'),
  create: OK('0000000b0003aabbcc0002ddee'),
  hmac: OK(`000000220020${'11'.repeat(32)}`),
  load: OK('8000000200000000'),
  unseal: OK('000000070005736563726574'.slice(0, 22)),
  flush: OK(''),
};

let sent: { readonly name: string; readonly bytes: Buffer }[];
beforeEach(() => {
  sent = [];
});
/** A TPM that answers so. */
const tpm = (answers: Partial<Record<keyof typeof GOOD, Buffer>> = {}): TpmChannel => ({
  async send(command) {
    const bytes = Buffer.from(command);
    const name = COMMANDS.get(bytes.readUInt32BE(6)) ?? 'unknown';
    sent.push({ name, bytes });
    expect(bytes.readUInt32BE(2)).toBe(bytes.length);
    return { ...GOOD, ...answers }[name as keyof typeof GOOD] ?? fails('00000143');
  },
  [Symbol.asyncDispose]: async () => {},
});
const names = () => sent.map(({ name }) => name);
const digestOfSent = () =>
  createHash('sha256')
    .update(Buffer.concat(sent.map(({ bytes }) => bytes)))
    .digest('hex');
const SEALED = { private: Buffer.from('0003aabbcc', 'hex'), public: Buffer.from('0002ddee', 'hex') };

describe('a TPM', () => {
  it('seals, and what it loads for that goes out of it again', async () => {
    expect(await sealToTpm(tpm(), Buffer.from('secret'))).toEqual(SEALED);
    expect(names()).toEqual(['primary', 'create', 'flush']);
    expect(sent[1]?.bytes.toString('hex')).toContain('80000001');
    expect(sent[2]?.bytes.toString('hex')).toBe('80010000000e0000016580000001');
  });

  it('unseals', async () => {
    expect((await unsealFromTpm(tpm(), SEALED)).toString()).toBe('secre');
    expect(names()).toEqual(['primary', 'load', 'unseal', 'flush', 'flush']);
    expect(sent.slice(3).map(({ bytes }) => bytes.toString('hex').slice(-8))).toEqual(['80000002', '80000001']);
  });

  it('is asked in the words that it always was: others would open nothing of what is sealed, and make another key', async () => {
    await sealToTpm(tpm(), Buffer.from('secret'));
    await unsealFromTpm(tpm(), SEALED);
    await macByTpm(tpm(), 'words');
    expect(digestOfSent()).toBe('ca30c5c8cc85c13f5c0a7f03e3ca07513f525198174372e76c93cb6d97253ae9');
  });

  it('gives the same key for the same answer, from two of its own', async () => {
    const key = await tpmKey(tpm());
    expect(key.asymmetricKeyDetails).toEqual({ namedCurve: 'prime256v1' });
    expect(names()).toEqual(['primary', 'hmac', 'flush', 'primary', 'hmac', 'flush']);
    expect(sent[1]?.bytes.toString('latin1')).toContain('statectl machine key 1');
    expect(sent[4]?.bytes.toString('latin1')).toContain('statectl machine key 2');
    // (0x11…11 of 40 bytes) mod (n - 1) + 1
    const n = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;
    const scalar = (BigInt(`0x${'11'.repeat(40)}`) % (n - 1n)) + 1n;
    const { d = '' } = key.export({ format: 'jwk' });
    expect(Buffer.from(d, 'base64url').toString('hex')).toBe(scalar.toString(16).padStart(64, '0'));
  });

  it.each([
    ['primary', '00000922', 'the TPM answers createPrimary with 0x922'],
    ['create', '00000101', 'the TPM answers create with 0x101'],
    ['load', '000001dc', 'the TPM answers load with 0x1dc'],
    ['unseal', '0000098e', 'the TPM answers unseal with 0x98e'],
  ] as const)('that does not do %s says why, and is left as it was', async (name, code, message) => {
    const refused = expect.objectContaining({ code: 'tpm-failed', message });
    const channel = tpm({ [name]: fails(code) });
    await expect(
      name === 'create' ? sealToTpm(channel, Buffer.alloc(1)) : unsealFromTpm(channel, SEALED),
    ).rejects.toEqual(refused);
    const loaded = names().filter((one) => one === 'primary' || one === 'load').length;
    expect(names().filter((one) => one === 'flush')).toHaveLength(
      loaded - (name === 'primary' || name === 'load' ? 1 : 0),
    );
  });

  // TPM_RC_INTEGRITY, of any parameter.
  it.each(['0000009f', '000001df', '000002df'])('is another than the one that sealed it: %s', async (code) => {
    await expect(unsealFromTpm(tpm({ load: fails(code) }), SEALED)).rejects.toMatchObject({ code: 'tpm-foreign' });
    await expect(unsealFromTpm(tpm({ unseal: fails(code) }), SEALED)).rejects.toMatchObject({ code: 'tpm-failed' });
  });

  it('that answers with less than it must is not believed', async () => {
    const failed = { code: 'tpm-failed' };
    await expect(sealToTpm(tpm({ primary: Buffer.alloc(9) }), Buffer.alloc(1))).rejects.toMatchObject({
      ...{ ...failed, message: 'the TPM answers createPrimary with too little' },
    });
    await expect(unsealFromTpm(tpm({ load: Buffer.alloc(0) }), SEALED)).rejects.toMatchObject(failed);
    await expect(sealToTpm(tpm({ primary: OK('80000001000000') }), Buffer.alloc(1))).rejects.toMatchObject(failed);
    await expect(
      unsealFromTpm(tpm({ unseal: OK('000000070006736563726574'.slice(0, 22)) }), SEALED),
    ).rejects.toMatchObject({
      ...{ ...failed, message: 'the TPM answers with less than it says' },
    });
  });

  it('whose memory cannot be freed has done its work all the same', async () => {
    expect(await sealToTpm(tpm({ flush: fails('00000101') }), Buffer.from('secret'))).toEqual(SEALED);
  });
});
