import { expect, it } from 'vitest';
import { grantLease, NEW_PRINTER, type PrinterRecord } from '../../../../src/server/state/lease.ts';
import { branchReason } from '../../../../src/server/state/line-or-branch.ts';

const [X, Y] = ['00000001-20261130T060000Z', '00000002-20261130T070000Z'];
const A = { boot: 'aaaaaaaa-1', node: 'print01' };
const B = { boot: 'bbbbbbbb-2', node: 'print01' };
const SPARE = { boot: 'cccccccc-3', node: 'print02' };

const leased = (boot: typeof A, head: string | null, before: PrinterRecord = NEW_PRINTER): PrinterRecord => {
  const record = grantLease(before, boot, { heads: { database: head }, items: {} }, 0);
  if (!record) throw new Error('the lease was refused');
  return record;
};
const newest = (id: string, lease = 0, base: string | null = null) => ({ id, lease, base });

it.each<
  [
    string,
    {
      record: PrinterRecord;
      by?: typeof A;
      lease: number;
      base: string | null;
      newest?: ReturnType<typeof newest>;
      proof?: 'person' | 'earlier-key' | 'network';
      why?: RegExp;
    },
  ]
>([
  ['the first generation of a new printer', { record: leased(A, null), lease: 1, base: null }],
  ['what goes on from the newest', { record: leased(A, X), lease: 1, base: X, newest: newest(X) }],
  ['what this boot shipped last', { record: leased(A, X), lease: 1, base: X, newest: newest(Y, 1, X) }],
  [
    'a machine that proved itself by its earlier key',
    { record: leased(A, null), lease: 1, base: null, proof: 'earlier-key' },
  ],
  [
    'what began empty where the line has something',
    { record: leased(A, X), lease: 1, base: null, newest: newest(X), why: /began empty/ },
  ],
  [
    'what began with an older one',
    {
      record: leased(A, Y),
      lease: 1,
      base: X,
      newest: newest(Y),
      why: /began with 00000001.*newest of the line was 00000002/,
    },
  ],
  [
    'what began with one that the line never had',
    { record: leased(A, null), lease: 1, base: X, why: /newest of the line was nothing/ },
  ],
  ['no lease', { record: leased(A, X), lease: 0, base: X, newest: newest(X), why: /no server gave/ }],
  [
    'a lease that another boot took over',
    { record: leased(B, X, leased(A, X)), lease: 1, base: X, newest: newest(X), why: /is over: print01 .* lease 2/ },
  ],
  [
    'a lease that another machine took over',
    { record: leased(SPARE, X, leased(A, X)), lease: 1, base: X, newest: newest(X), why: /is over: print02/ },
  ],
  [
    'the number of another boot’s lease',
    { record: leased(A, X), by: B, lease: 1, base: X, newest: newest(X), why: /never given/ },
  ],
  [
    'the boot of another machine',
    { record: leased(A, X), by: { ...A, node: 'print02' }, lease: 1, base: X, newest: newest(X), why: /never given/ },
  ],
  ['a lease that does not exist yet', { record: leased(A, X), lease: 9, base: X, newest: newest(X), why: /lease/ }],
  [
    'what an admin put another one before',
    { record: leased(A, X), lease: 1, base: X, newest: newest(Y), why: /admin put 00000002/ },
  ],
  [
    'a machine that is known by its network alone',
    { record: leased(A, X), lease: 1, base: X, newest: newest(X), proof: 'network', why: /network alone/ },
  ],
])('%s', (_title, { record, by = A, lease, base, newest: head, proof = 'person', why }) => {
  const reason = branchReason(record, { lease, base, boot: by.boot }, { node: by.node, proof }, record.heads.database, {
    newest: head,
  });
  if (why === undefined) expect(reason).toBeUndefined();
  else expect(reason).toMatch(why);
});

it('the same boot has the same lease however often it asks, another the next one, and one that lost it none', () => {
  const first = leased(A, null);
  expect(grantLease(first, A, { heads: { database: null }, items: {} }, 5)).toBe(first);
  // It begins anew with what it is told then.
  expect(grantLease(first, A, { heads: { database: X }, items: {} }, 5)).toEqual({ ...first, heads: { database: X } });
  const second = leased(B, X, first);
  expect(second.holders.map(({ lease }) => lease)).toEqual([1, 2]);
  expect(grantLease(second, A, { heads: { database: X }, items: {} }, 5)).toBeUndefined();
  expect(leased(SPARE, Y, second).holders.at(-1)).toMatchObject({ lease: 3, node: 'print02' });
});
