import { describe, expect, it } from 'vitest';
import { FRAME_BYTES, MOST_WRITE_BYTES, readRequest } from '../../../../src/fuse/wire/request.ts';

/** A frame as the kernel makes it: struct fuse_in_header, then what follows. */
function frame(opcode: number, body: Buffer = Buffer.alloc(0), unique = 7n): Buffer {
  const head = Buffer.alloc(40);
  head.writeUInt32LE(40 + body.length, 0);
  head.writeUInt32LE(opcode, 4);
  head.writeBigUInt64LE(unique, 8);
  head.writeBigUInt64LE(3n, 16);
  head.writeUInt32LE(1000, 24);
  head.writeUInt32LE(1001, 28);
  return Buffer.concat([head, body]);
}
const numbers = (...of: readonly (number | bigint)[]): Buffer =>
  Buffer.concat(
    of.map((one) => {
      const bytes = Buffer.alloc(typeof one === 'bigint' ? 8 : 4);
      if (typeof one === 'bigint') bytes.writeBigUInt64LE(one);
      else bytes.writeUInt32LE(one);
      return bytes;
    }),
  );
const text = (...names: readonly string[]): Buffer => Buffer.from(names.map((name) => `${name}\0`).join(''), 'latin1');

describe('a request of the kernel', () => {
  it('says who asks for what, and whether it was asked before', () => {
    expect(readRequest(frame(1, text('a\xff.gcode')))).toEqual({
      ...{ op: 'lookup', name: 'a\xff.gcode', unique: 7n, node: 3, uid: 1000, gid: 1001, isResent: false },
    });
    expect(readRequest(frame(3, Buffer.alloc(16), 7n | (1n << 63n)))).toMatchObject({ op: 'getattr', isResent: true });
  });

  it.each([
    [frame(15, numbers(9n, 65_536n, 4096, 0, 0n, 0, 0)), { op: 'read', handle: 9n, at: 65_536, bytes: 4096 }],
    [frame(16, Buffer.concat([numbers(9n, 2n, 3, 0, 0n, 0, 0), text('ab')])), { op: 'write', at: 2, data: text('ab') }],
    [
      frame(12, Buffer.concat([numbers(5n), text('old', 'new')])),
      { op: 'rename', toNode: 5, from: 'old', to: 'new', how: 0 },
    ],
    [
      frame(45, Buffer.concat([numbers(5n, 1, 0), text('old', 'new')])),
      { op: 'rename', from: 'old', to: 'new', how: 1 },
    ],
    [
      frame(35, Buffer.concat([numbers(0o101, 0o100644, 0, 0), text('a')])),
      { op: 'create', flags: 0o101, mode: 0o100644, name: 'a' },
    ],
    [frame(2, numbers(4n)), { op: 'forget', nodes: [{ node: 3, count: 4 }] }],
    [
      frame(42, numbers(2, 0, 5n, 1n, 6n, 2n)),
      {
        op: 'forget',
        nodes: [
          { node: 5, count: 1 },
          { node: 6, count: 2 },
        ],
      },
    ],
    [frame(36, numbers(99n)), { op: 'interrupt', interrupted: 99n }],
    [frame(21), { op: 'unknown' }],
  ])('is read by what it is: %#', (bytes, said) => {
    expect(readRequest(bytes)).toMatchObject(said);
  });

  it('says which attributes are to change, and which stay', () => {
    const body = numbers(1 | 8 | 32, 0, 9n, 12n, 0n, 0n, 77n, 0n, 0, 5, 0, 0o640, 0, 1, 2, 0);
    expect(readRequest(frame(4, body))).toMatchObject({
      change: { mode: 0o640, sizeBytes: 12, modified: { seconds: 77n, nanoseconds: 5 } },
    });
    const change = (bits: number) => {
      const request = readRequest(frame(4, Buffer.concat([numbers(bits), body.subarray(4)])));
      return request?.op === 'setattr' ? request.change : undefined;
    };
    expect(change(2 | 4)).toEqual({ uid: 1, gid: 2 });
    expect(change(16 | 128 | 32 | 256)).toEqual({ accessed: 'now', modified: 'now' });
    expect(change(0)).toEqual({});
  });

  it.each([
    ['a name without an end', frame(1, Buffer.from('abc'))],
    ['a name that is missing', frame(12, Buffer.concat([numbers(5n), text('old')]))],
    ['less than it says', frame(16, numbers(9n, 2n, 300, 0, 0n, 0, 0))],
    ['more nodes than there are', frame(42, numbers(9, 0, 5n, 1n))],
    ['no numbers', frame(15)],
  ])('is broken with %s', (_, bytes) => {
    expect(readRequest(bytes)).toMatchObject({ op: 'broken', unique: 7n });
  });

  it('is none where its length is another one', () => {
    expect(readRequest(frame(3).subarray(0, 30))).toBeUndefined();
    expect(readRequest(Buffer.concat([frame(3), Buffer.alloc(1)]))).toBeUndefined();
  });

  it('has room in the buffer that is read into', () => {
    expect(FRAME_BYTES).toBeGreaterThanOrEqual(MOST_WRITE_BYTES + 40 + 40 + 4096);
  });
});
