import { expect, test } from 'vitest';
import { planTransfer } from '../../../../src/server/limits/transfer.ts';

const ETAG = '"abc"';
const plan = (headers: Record<string, string>, method = 'GET', sizeBytes = 100) =>
  planTransfer({ method, headers }, ETAG, sizeBytes);

test.each([
  ['bytes=0-9', 0, 9],
  ['bytes=90-', 90, 99],
  ['bytes=90-500', 90, 99],
  ['bytes=-10', 90, 99],
  ['bytes=-500', 0, 99],
])('%s is a part of a file of 100 bytes', (range, start, end) => {
  expect(plan({ range })).toEqual({ kind: 'part', start, end });
});

test.each(['bytes=100-', 'bytes=100-200', 'bytes=-0', 'bytes=99999999999999999999-'])('%s is not in it', (range) => {
  expect(plan({ range }).kind).toBe('unsatisfiable');
});

test.each(['bytes=9-0', 'bytes=-', 'bytes=0-1,5-6', 'pages=1-2', 'nonsense'])(
  '%s is ignored, the whole file comes',
  (range) => {
    expect(plan({ range }).kind).toBe('whole');
  },
);

test('an empty file has no part', () => {
  expect(plan({ range: 'bytes=0-' }, 'GET', 0).kind).toBe('unsatisfiable');
  expect(plan({ range: 'bytes=-5' }, 'GET', 0).kind).toBe('unsatisfiable');
});

test('a download goes on only under the same ETag', () => {
  expect(plan({ range: 'bytes=50-', 'if-range': ETAG }).kind).toBe('part');
  expect(plan({ range: 'bytes=50-', 'if-range': '"other"' }).kind).toBe('whole');
  expect(plan({ range: 'bytes=50-', 'if-range': 'W/"abc"' }).kind).toBe('whole');
  expect(plan({ range: 'bytes=50-', 'if-range': 'Fri, 20 Nov 2026 12:00:00 GMT' }).kind).toBe('whole');
});

test('who has the file gets none, whatever part was asked for', () => {
  for (const known of [ETAG, '*', '"x", "abc"', 'W/"abc"'])
    expect(plan({ 'if-none-match': known, range: 'bytes=0-1' }).kind).toBe('not-modified');
  expect(plan({ 'if-none-match': '"x"' }).kind).toBe('whole');
});

test('HEAD has no parts', () => {
  expect(plan({ range: 'bytes=0-1' }, 'HEAD').kind).toBe('whole');
});
