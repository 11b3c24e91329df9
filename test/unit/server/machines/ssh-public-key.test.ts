import { describe, expect, it } from 'vitest';
import { checkSshPublicKey } from '../../../../src/server/machines/ssh-public-key.ts';

const field = (bytes: Uint8Array | string): Buffer => {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(Buffer.from(bytes).length);
  return Buffer.concat([length, Buffer.from(bytes)]);
};
const line = (algorithm: string, ...fields: (Uint8Array | string)[]): string =>
  `${algorithm} ${Buffer.concat(fields.map(field)).toString('base64')}`;
const ED = 'ssh-ed25519';
const EC = 'ecdsa-sha2-nistp256';
/** The generator of P-256 (SEC 2, 2.4.2). */
const POINT = Buffer.from(
  '046b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c2964fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5',
  'hex',
);
const OFF_CURVE = Buffer.from(POINT).fill(7, 64);

describe('the public key of an SSH server', () => {
  it('is one of Ed25519 or P-256', () => {
    checkSshPublicKey(line(ED, ED, Buffer.alloc(32, 1)));
    checkSshPublicKey(line(EC, EC, 'nistp256', POINT));
  });

  it.each([
    ['letters that mean nothing', `${ED} ${'A'.repeat(68)}`],
    ['a key of another length', line(ED, ED, Buffer.alloc(31, 1))],
    ['one under the name of another', line(ED, EC, 'nistp256', POINT)],
    ['a point beside the curve', line(EC, EC, 'nistp256', OFF_CURVE)],
    ['a point at infinity', line(EC, EC, 'nistp256', Buffer.alloc(65))],
    ['another curve', line(EC, EC, 'nistp384', POINT)],
    ['more than a key', line(ED, ED, Buffer.alloc(32, 1), 'more')],
    ['a comment and a second line', `${line(ED, ED, Buffer.alloc(32, 1))} a\nb`],
    ['a name that objects have', line('constructor', 'constructor', Buffer.alloc(32, 1))],
    ['nothing', ''],
  ])('is not %s', (_, text) => {
    expect(() => checkSshPublicKey(text)).toThrow(expect.objectContaining({ code: 'ssh-key-invalid' }));
  });
});
