import { describe, expect, it } from 'vitest';
import { readSaid } from '../../../../src/protocol/read-answer.ts';
import { DrbdHead } from '../../../../src/protocol/state/drbd.ts';

const HEAD = {
  id: 'a',
  resource: 'print07-voron-database',
  peer: '192.0.2.1:7789',
  port: 7789,
  minor: 0,
  bytes: 64 << 20,
  secret: 'ab'.repeat(30),
};
const faultOf = (head: object) => readSaid(JSON.stringify(head), DrbdHead).fault;

describe('what a server says of a volume', () => {
  it('is taken as it is, also with an address of IPv6, and of what a later version says the rest', () => {
    expect(faultOf(HEAD)).toBeUndefined();
    expect(readSaid(JSON.stringify({ ...HEAD, peer: '[fd00::1]:7000', alg: 'sha1', more: 1 }), DrbdHead).value).toEqual(
      { ...HEAD, peer: '[fd00::1]:7000', alg: 'sha1' },
    );
  });

  it.each([
    ['resource', '-s'],
    ['resource', 'a b'],
    ['resource', '../a'],
    ['resource', ''],
    ['peer', 'boot.lab:7789'],
    ['peer', '192.0.2.1'],
    ['peer', '192.0.2.1:0'],
    ['peer', '--set-defaults'],
    ['port', 65_536],
    ['port', '7789'],
    ['minor', -1],
    ['minor', 1 << 20],
    ['bytes', 4096],
    ['bytes', (64 << 20) + 512],
    ['secret', 'ab'.repeat(32)],
    ['secret', '--x'],
    ['alg', 'hmac(sha1)'],
  ])('is refused where its %s is %j, which a command would take for something else', (key, value) => {
    expect(faultOf({ ...HEAD, [key]: value })).toContain(`"${key}"`);
  });
});
