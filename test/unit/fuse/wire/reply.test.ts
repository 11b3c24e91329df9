import { describe, expect, it } from 'vitest';
import {
  type Attr,
  answer,
  attrBody,
  createBody,
  direntsBody,
  direntsPlusBody,
  entryBody,
  initBody,
  openBody,
  refusal,
  resendNotice,
  statfsBody,
} from '../../../../src/fuse/wire/reply.ts';

const ATTR: Attr = {
  ...{ type: 'file', sizeBytes: 1_000, mode: 0o640, uid: 1000, gid: 1001, links: 1 },
  ...{ accessedNs: 1n, modifiedNs: 1_764_493_200_123_456_789n, changedNs: -1n },
};

describe('an answer to the kernel', () => {
  it('begins with its length, its error and whose it is', () => {
    const said = refusal(9n, 113);
    expect([said.readUInt32LE(0), said.readInt32LE(4), said.readBigUInt64LE(8)]).toEqual([16, -113, 9n]);
    expect(answer(9n, Buffer.from('abc')).subarray(16).toString()).toBe('abc');
  });

  it('has the sizes of linux/fuse.h', () => {
    const entry = { node: 5, attr: ATTR };
    expect(attrBody(entry).length).toBe(104);
    expect(entryBody(entry).length).toBe(128);
    expect(createBody(entry, 3n).length).toBe(144);
    expect(initBody({ minor: 40, readAheadBytes: 131_072 }).length).toBe(64);
    expect(openBody(3n).length).toBe(16);
    expect(statfsBody({ blocks: 1, bfree: 1, bavail: 1, files: 1, ffree: 1, bsize: 4096 }).length).toBe(80);
  });

  it('says times to the last digit, before 1970, too', () => {
    const body = attrBody({ node: 5, attr: ATTR });
    expect([body.readBigUInt64LE(16), body.readBigUInt64LE(24), body.readBigUInt64LE(32)]).toEqual([5n, 1_000n, 2n]);
    expect([body.readBigInt64LE(48), body.readUInt32LE(68)]).toEqual([1_764_493_200n, 123_456_789]);
    expect([body.readBigInt64LE(56), body.readUInt32LE(72)]).toEqual([-1n, 999_999_999]);
    expect(body.readUInt32LE(76)).toBe(0o100640);
  });

  it('lists as many names as have room, each at a multiple of eight', () => {
    const dirents = ['a', 'long-name.gcode', 'b'].map((name, at) => ({
      name,
      type: 'file' as const,
      node: at + 2,
      next: at + 1,
    }));
    expect(direntsBody(dirents, 4096).length).toBe(32 + 40 + 32);
    expect(direntsBody(dirents, 72).length).toBe(72);
    expect(direntsBody(dirents, 71).length).toBe(32);
    const entered: string[] = [];
    const plus = direntsPlusBody(dirents, 2 * 128 + 32 + 40, ({ name, node }) => {
      entered.push(name);
      return { node, attr: ATTR };
    });
    expect(plus.length).toBe(2 * 128 + 32 + 40);
    // The kernel counts what it is told: no name is told that has no room.
    expect(entered).toEqual(['a', 'long-name.gcode']);
    expect(plus.readBigUInt64LE(128 + 32)).toBe(3n);
  });

  it('asks for what was not answered', () => {
    const said = resendNotice();
    expect([said.length, said.readInt32LE(4), said.readBigUInt64LE(8)]).toEqual([16, 7, 0n]);
  });
});
