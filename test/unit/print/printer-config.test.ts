import { expect, it } from 'vitest';
import { describeChange } from '../../../src/print/describe-change.ts';
import { writtenMerge } from '../../../src/print/merge-printer-config.ts';
import {
  isConfigText,
  joinPrinterConfig,
  splitPrinterConfig,
  writtenValue,
} from '../../../src/print/printer-config.ts';

const HEADER = `
#*# <---------------------- SAVE_CONFIG ---------------------->
#*# DO NOT EDIT THIS BLOCK OR BELOW. The contents are auto-generated.
#*#
`;
const WRITTEN = `[printer]
kinematics: corexy
[probe]
pin: PA1
z_offset: 1.5
[extruder]
control: pid
`;
const block = (offset: string, more = ''): string => `${HEADER}#*# [probe]\n#*# z_offset = ${offset}\n${more}`;
const MESH = '#*#\n#*# [bed_mesh default]\n#*# version = 1\n#*# points =\n#*# \t  0.1, 0.2\n#*# \t  0.3, 0.4\n';
const saved = (offset: string, more?: string): string =>
  `${WRITTEN.replace('z_offset: 1.5', '#z_offset: 1.5')}${block(offset, more)}`;

it('what SAVE_CONFIG wrote is read and joined again byte by byte', () => {
  for (const text of [saved('2.25'), saved('2.25', MESH), WRITTEN, '']) {
    const parts = splitPrinterConfig(text);
    expect(joinPrinterConfig(parts)).toBe(text);
  }
  expect(splitPrinterConfig(saved('2.25', MESH)).saved?.get('bed_mesh default')?.get('points')).toEqual([
    'points =',
    '\t  0.1, 0.2',
    '\t  0.3, 0.4',
  ]);
});

it.each([
  ['a line of a person below the header', `${saved('1')}\nmine: 1\n`],
  ['a second header', `${saved('1')}${HEADER}#*# [x]\n#*# y = 1\n`],
  ['a line of the block above the header', `#*# [x]\n${WRITTEN}\n#*# y = 1\n${block('1')}`],
  ['a mark without its blank', saved('1', '#*#[x]\n')],
  ['a key before any section', `${WRITTEN}${HEADER}#*# key = 1\n`],
])('%s makes a block that nobody reads: all is text', (_title, text) => {
  expect(splitPrinterConfig(text)).toEqual({ written: text, saved: undefined });
});

it('a block with CRLF is read as one with LF', () => {
  const text = saved('2.25', MESH);
  expect(splitPrinterConfig(text.replaceAll('\n', '\r\n'))).toEqual(splitPrinterConfig(text));
});

it('a SAVE_CONFIG is told by what it changed, and from what was written by hand', () => {
  const told = (before: string | undefined, after: string): string =>
    describeChange([{ path: 'printer.cfg', before, after }]);
  expect(told(WRITTEN, saved('2.25'))).toBe('SAVE_CONFIG: [probe] z_offset 1.5 -> 2.25');
  expect(told(saved('2.25'), saved('2.3'))).toBe('SAVE_CONFIG: [probe] z_offset 2.25 -> 2.3');
  expect(told(saved('2.25'), saved('2.25', MESH))).toBe(
    'SAVE_CONFIG: [bed_mesh default] version 1, [bed_mesh default] points 0.1, 0.2 0.3, 0.4',
  );
  expect(told(saved('2.25', MESH), saved('2.25'))).toBe(
    'SAVE_CONFIG: [bed_mesh default] version removed, [bed_mesh default] points removed',
  );
  const long = Array.from({ length: 30 }, (_, row) => `#*# \t  0.${row}, 0.${row}\n`).join('');
  expect(told(saved('1', MESH), saved('1', `${MESH}${long}`))).toBe('SAVE_CONFIG: [bed_mesh default] points changed');
});

it('other changes are told by their files, and no text of a printer moves a terminal or begins a line', () => {
  const files = ['a.cfg', 'b.cfg', 'c.cfg', 'd\u001b[2J\u202e.cfg'].map((path) => ({ path, before: '', after: '[x]' }));
  expect(describeChange([{ path: 'x.cfg', before: undefined, after: '' }])).toBe('x.cfg added');
  expect(describeChange([{ path: 'x.cfg', before: '', after: undefined }])).toBe('x.cfg removed');
  expect(describeChange(files)).toBe(
    'a.cfg changed, b.cfg changed, c.cfg changed, and 1 more\n\na.cfg changed\nb.cfg changed\nc.cfg changed\nd?[2J?.cfg changed',
  );
  const sly = saved('1\u001b[31m\u2028x');
  expect(describeChange([{ path: 'printer.cfg', before: saved('1'), after: sly }])).toBe(
    'SAVE_CONFIG: [probe] z_offset 1 -> 1?[31m?x',
  );
});

it('a value of several lines by hand is what SAVE_CONFIG took the place of', () => {
  expect(writtenValue('[a]\nk:\n  1 # one\n  2\nother: 3\n', 'a', 'k')).toBe('1 2');
  expect(writtenValue('[a]\nk: 1\n[b]\nk: 2\n', 'a', 'k')).toBe('1');
  expect(writtenValue('[a]\n#k: 1\n', 'a', 'k')).toBeUndefined();
});

it('in the block the printer wins key by key, and what it did not touch is taken from the server', () => {
  const base = saved('1', '#*#\n#*# [extruder]\n#*# pid_kp = 10\n#*# pid_ki = 1\n');
  const ours = saved('2', '#*#\n#*# [extruder]\n#*# pid_kp = 10\n#*# pid_ki = 1\n');
  const theirs = saved('3', '#*#\n#*# [extruder]\n#*# pid_kp = 11\n#*# pid_ki = 1\n#*# pid_kd = 5\n');
  const merge = writtenMerge({ base, ours, theirs });
  expect(merge?.texts.ours).toBe(merge?.texts.theirs);
  expect(merge?.finish(merge.texts.ours)).toBe(
    saved('2', '#*#\n#*# [extruder]\n#*# pid_kp = 11\n#*# pid_ki = 1\n#*# pid_kd = 5\n'),
  );
});

it('what the printer removed from the block stays away, also where the server changed it', () => {
  const merge = writtenMerge({
    base: saved('1', MESH),
    ours: saved('1'),
    theirs: saved('1', MESH.replace('0.1', '9')),
  });
  expect(merge?.finish(merge.texts.ours)).toBe(saved('1'));
});

it('what Klipper commented out is no change of a person: a line beside it merges', () => {
  const theirs = WRITTEN.replace('pin: PA1', 'pin: PB7');
  const merge = writtenMerge({ base: WRITTEN, ours: saved('2.25'), theirs });
  expect(merge?.texts.ours).toBe(merge?.texts.base);
  expect(merge?.finish(merge.texts.theirs)).toBe(saved('2.25').replace('pin: PA1', 'pin: PB7'));
});

it('a block that Klipper would not read is left to a merge by lines', () => {
  expect(writtenMerge({ base: WRITTEN, ours: `${saved('1')}mine: 1\n`, theirs: WRITTEN })).toBeUndefined();
  expect(writtenMerge({ base: WRITTEN, ours: WRITTEN, theirs: WRITTEN })).toBeUndefined();
});

it.each([
  ['an empty file', '', false],
  ['NUL after a power cut', '[printer]\n\0\0\0', false],
  ['blanks alone', ' \n\n', false],
  ['no section', 'kinematics: none\n', false],
  ['an include alone', '# mine\n[include base/*.cfg]\n', true],
  ['CRLF', '[printer]\r\nkinematics: none\r\n', true],
])('%s: whether it is a config', (_title, text, good) => {
  expect(isConfigText(Buffer.from(text))).toBe(good);
});

it.each([
  ['blanks after a key', saved('1', `#*#\n#*# [a]\n#*# b${' '.repeat(500_000)}c\n`)],
  ['empty lines', '\n'.repeat(500_000)],
  ['lines of a blank', ' \n'.repeat(250_000)],
  ['lines of another end', '\r'.repeat(500_000)],
  ['sections without an end', '\r['.repeat(250_000)],
  ['comments in a line of another end', saved('1', `#*# [fan]\n#*# a = ${'#'.repeat(500_000)}\rb\n`)],
  ['signs in a line of another end', `${WRITTEN}${'='.repeat(500_000)}\u2028b\n${saved('1')}`],
])('%s take no longer than others', (_title, text) => {
  const before = performance.now();
  isConfigText(Buffer.from(text));
  writtenMerge({ base: WRITTEN, ours: text, theirs: saved('2') });
  describeChange([{ path: 'printer.cfg', before: WRITTEN, after: text }]);
  expect(performance.now() - before).toBeLessThan(2_000);
});
