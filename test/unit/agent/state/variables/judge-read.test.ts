import { expect, it } from 'vitest';
import {
  type Found,
  isSame,
  judgeRead,
  type Known,
  LACKING_MS,
  STILL_MS,
} from '../../../../../src/agent/state/variables/judge-read.ts';
import { readVariables } from '../../../../../src/protocol/variables/variables-file.ts';

const fileOf = (text: string, mtimeMs = 1): Found => ({ kind: 'file', text, bytes: Buffer.from(text), mtimeMs });
const knownOf = (text: string): Known => ({ text, literals: readVariables(Buffer.from(text), 'x').literals });
const KNOWN = knownOf('[Variables]\na = 1\nb = 2\n\n');
const judge = (found: Found, stillMs: number, known = KNOWN) => judgeRead(found, stillMs, known, 'v.cfg');

it('what Klipper wrote to its end counts at once, and any part of it does not', () => {
  const whole = '[Variables]\na = 1\nb = 33\n\n';
  expect(judge(fileOf(whole), 0)).toMatchObject({ is: 'new', lost: [] });
  for (let cut = 0; cut < whole.length; cut += 1)
    expect(judge(fileOf(whole.slice(0, cut)), 0), String(cut)).toMatchObject({ is: 'wait' });
});

it('what somebody else wrote counts when it stood still', () => {
  const found = fileOf('# mine\n[Variables]\nb: 3\na: 1');
  expect(judge(found, STILL_MS - 40)).toEqual({ is: 'wait', ms: 40 });
  expect(judge(found, STILL_MS)).toMatchObject({ is: 'new', lost: [] });
});

it('what lacks a variable counts only after two seconds, and says which', () => {
  const found = fileOf('[Variables]\na = 1\n\n');
  expect(judge(found, LACKING_MS - 1)).toEqual({ is: 'wait', ms: 1 });
  expect(judge(found, LACKING_MS)).toMatchObject({ is: 'new', lost: ['b'] });
});

it.each<[string, Found]>([
  ['an empty file', fileOf('')],
  ['a section alone', fileOf('[Variables]\n\n')],
  ['another section', fileOf('[other]\na = 1\n')],
  ['no file', { kind: 'missing' }],
])('%s never takes the place of something', (_title, found) => {
  expect(judge(found, LACKING_MS - 1)).toMatchObject({ is: 'wait' });
  expect(judge(found, 1e9)).toMatchObject({
    is: 'fault',
    why: expect.stringContaining('the 2 variables that it had are kept'),
  });
  // Where there was nothing, it is nothing new.
  expect(judge(found, 1e9, { text: null, literals: new Map() })).toMatchObject({ is: 'same' });
});

it('what cannot be read is a fault once it stood still', () => {
  expect(judge(fileOf('[Variables]\na = x()\n'), 0)).toMatchObject({ is: 'wait' });
  expect(judge(fileOf('[Variables]\na = x()\n'), STILL_MS)).toMatchObject({
    is: 'fault',
    why: expect.stringMatching(/^v\.cfg:2:5: /),
  });
  expect(judge({ kind: 'bad', why: 'a link' }, STILL_MS)).toEqual({ is: 'fault', why: 'a link' });
});

it('what was touched, but is the same, is nothing new, and another time or text is another file', () => {
  expect(judge(fileOf(KNOWN.text ?? '', 99), 0)).toEqual({ is: 'same' });
  expect(isSame(fileOf('a'), fileOf('a'))).toBe(true);
  expect(isSame(fileOf('a'), fileOf('a', 2))).toBe(false);
  expect(isSame(fileOf('a'), fileOf('b'))).toBe(false);
  expect(isSame(fileOf('a'), { kind: 'missing' })).toBe(false);
  expect(isSame({ kind: 'bad', why: 'a' }, { kind: 'bad', why: 'b' })).toBe(false);
});
