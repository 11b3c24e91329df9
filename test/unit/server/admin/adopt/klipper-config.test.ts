import { expect, it } from 'vitest';
import { readConfigWords } from '../../../../../src/server/admin/adopt/klipper-config.ts';

const PRINTER = { main: 'printer.cfg', home: '/home/pi', own: ['/home/pi/printer_data'] };
const words = (files: Readonly<Record<string, string>>) => readConfigWords(new Map(Object.entries(files)), PRINTER);

it('what is included is read where Klipper reads it, each once, by patterns too', () => {
  const { variables, missing } = words({
    'printer.cfg': '[include a/*.cfg]\n[include gone.cfg]\n[include none*.cfg]\n[include printer.cfg]\n',
    'a/one.cfg': '[include ../two.cfg] # with a reason\n',
    'two.cfg': '[save_variables]\nfilename = ~/vars.cfg ; here\n',
    'not-included.cfg': '[save_variables]\nfilename: /elsewhere\n',
    'a/deep/three.cfg': '[save_variables]\nfilename: /deeper\n',
  });
  expect(variables).toBe('~/vars.cfg');
  expect(missing).toEqual(['gone.cfg']);
});

it('boards and paths of the old host are told with their lines; the printer’s own folders are not', () => {
  const { boards, paths } = words({
    'printer.cfg':
      '[include /opt/shared.cfg]\n[mcu]\nserial: /dev/ttyAMA0\n[mcu toolhead]\ncanbus_uuid: 0e1f\n[virtual_sdcard]\npath: ~/printer_data/gcodes\n[gcode_shell_command x]\ncommand: sh /home/pi/scripts/x.sh\n#*# [probe]\n#*# file = ~/probe/cal.txt\n# path: /home/pi/no\n',
  });
  expect(boards).toEqual([
    { file: 'printer.cfg', line: 3, text: 'serial: /dev/ttyAMA0' },
    { file: 'printer.cfg', line: 5, text: 'canbus_uuid: 0e1f' },
  ]);
  expect(paths.map(({ line }) => line)).toEqual([1, 9, 11]);
});

it('is read in time that grows as the text does, whatever somebody wrote', () => {
  const blanks = ' '.repeat(1 << 20);
  const stars = `[include ${'*a'.repeat(100)}b]\n`.repeat(300);
  const files: Record<string, string> = {
    'printer.cfg': `[x]\na${blanks}b\n${'[include *]\n'.repeat(50_000)}${stars}[y]\n${'k'.repeat(1 << 18)}:\n${'"'.repeat(1 << 18)}\n`,
  };
  for (let at = 0; at < 300; at += 1) files[`${'a'.repeat(200)}${at}`] = '[z]\n';
  const before = performance.now();
  words(files);
  expect(performance.now() - before).toBeLessThan(10_000);
});
