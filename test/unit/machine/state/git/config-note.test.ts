import { expect, it } from 'vitest';
import { type ConfigNote, readNote, writtenNote } from '../../../../../src/machine/state/git/config-note.ts';
import { isAhead } from '../../../../../src/machine/state/git/kept-config.ts';
import { placesWithin } from '../../../../../src/machine/state/restore.ts';
import { sha256Of } from '../../../../../src/signed/bundle/manifest.ts';

const NOTE: ConfigNote = {
  ...{ id: 'a'.repeat(40), on: 'line', boot: 'b0000000-1', lease: 3, base: null },
  files: new Map([
    ['printer.cfg', sha256Of(Buffer.from('[printer]\n'))],
    ['__proto__', 'x'],
    ['constructor', 'y'],
  ]),
};

it('a note comes back as it was, whatever its files are called', () => {
  expect(readNote(writtenNote(NOTE))).toEqual(NOTE);
});

it.each([
  ['torn', writtenNote(NOTE).slice(0, 50)],
  ['empty', ''],
  ['of another version', '{"files":{}}'],
])('a note that is %s is none', (_title, text) => {
  expect(readNote(text)).toBeUndefined();
});

it('what is kept is ahead where a file is another, new or gone', () => {
  const kept = (files: Record<string, string>) => ({
    note: { ...NOTE, files: new Map([['printer.cfg', sha256Of(Buffer.from('[printer]\n'))]]) },
    files: new Map(Object.entries(files).map(([path, text]) => [path, Buffer.from(text)])),
  });
  expect(isAhead(kept({ 'printer.cfg': '[printer]\n' }))).toBe(false);
  for (const files of [
    { 'printer.cfg': '[other]\n' },
    { 'printer.cfg': '[printer]\n', a: '' },
    {},
    { a: '[printer]\n' },
  ])
    expect(isAhead(kept(files))).toBe(true);
});

it('what lies in the folder of another item is named below it', () => {
  const items = ['/d/config', '/d/config/variables.cfg', '/d/config-other/x', '/d'].map((path) => ({ path }));
  expect(placesWithin(items, '/d/config')).toEqual(['variables.cfg']);
});
