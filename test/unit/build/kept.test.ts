import { expect, test } from 'vitest';
import { compareKept, filesIn, type Kept, variablesIn } from '../../../build/demo-print/kept.ts';

const kept = (jobs: Record<string, string>, variables: string, files: string): Kept => ({
  ...{ jobs: new Map(Object.entries(jobs)), variables: variablesIn(variables), files: filesIn(files) },
});
const sum = (digit: string) => digit.repeat(64);

test('the demo says of each job, variable and file whether it is there, and in which bytes', () => {
  const before = kept(
    { 1: 'a.gcode in_progress', 2: 'b.gcode completed' },
    '[Variables]\nlayer = 12\nname = 2\n\n',
    `${sum('a')}  ./config/printer.cfg\n${sum('b')}  ./gcodes/a.gcode\n${sum('c')}  ./gcodes/b.gcode\n`,
  );
  const after = kept(
    { 1: 'a.gcode interrupted' },
    '[Variables]\nlayer = 11\n\n',
    `${sum('a')}  ./config/printer.cfg\n${sum('d')}  ./gcodes/a.gcode\n`,
  );
  expect(compareKept(before, after).map(({ what, after, isLost }) => [what, after, isLost])).toEqual([
    ['job 1', 'a.gcode interrupted', false],
    ['job 2', 'nothing', true],
    ['variable layer', '11', true],
    ['variable name', 'nothing', true],
    ['config/printer.cfg', 'the same bytes', false],
    ['gcodes/a.gcode', 'other bytes', true],
    ['gcodes/b.gcode', 'nothing', true],
  ]);
});

test('a layer that was printed after the look is no loss', () => {
  const [before, after] = [kept({}, 'layer = 33\n', ''), kept({}, 'layer = 35\n', '')];
  expect(compareKept(before, after).map(({ isLost }) => isLost)).toEqual([false]);
});

test('what Klipper, Moonraker and the agent have for themselves counts for nothing', () => {
  const copies = ['printer-20261130_090000.cfg', '.moonraker.conf.bkp'].map(
    (name) => `${sum('a')}  ./config/${name}\n`,
  );
  expect(filesIn(`${copies.join('')}${sum('b')}  gcodes/.statectl-tmp/note.json\n`).size).toBe(0);
});
