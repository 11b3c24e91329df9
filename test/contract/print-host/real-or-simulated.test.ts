import {
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  symlinkSync,
  truncateSync,
  watch,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CHECKOUTS, type PrintPrograms, printPrograms } from '../../fixtures/print-host/programs.ts';

const { klipper: checkout } = CHECKOUTS;

/** The same sentences are true of the simulated programs, and of the real ones where the environment names their checkouts. */
describe.each([
  { programs: 'the simulated Klipper', real: {} },
  ...(checkout === undefined ? [] : [{ programs: 'the real Klipper', real: { klipper: checkout } }]),
])('$programs', ({ real }) => {
  let host: PrintPrograms;
  beforeAll(async () => {
    host = await printPrograms(real);
  });
  afterAll(() => host?.[Symbol.asyncDispose]());
  const path = (name: string) => join(host.data, name);
  const read = (name: string) => readFileSync(path(name), 'utf8');
  const gcode = (name: string, lines: readonly string[]) =>
    writeFileSync(path(`gcodes/${name}`), `${lines.join('\n')}\n`);

  test('makes a missing file of variables, empty, and writes it whole for each, sorted, into the same inode', async () => {
    expect(read('config/variables.cfg')).toBe('');
    const { ino } = statSync(path('config/variables.cfg'));
    for (const [name, value] of [
      ['tool', '3'],
      ['offset', '-0.050'],
      ['filament', `"'PLA \\"matt\\"'"`],
      ['mesh', `"[(1,2.50),{'a':None,'b':1e-5}]"`],
      ['big', '1e16'],
    ])
      await host.gcode(`SAVE_VARIABLE VARIABLE=${name} VALUE=${value}`);
    expect(read('config/variables.cfg')).toBe(
      [
        ...['[Variables]', 'big = 1e+16', `filament = 'PLA "matt"'`, `mesh = [(1, 2.5), {'a': None, 'b': 1e-05}]`],
        ...['offset = -0.05', 'tool = 3', '', ''],
      ].join('\n'),
    );
    expect(statSync(path('config/variables.cfg')).ino).toBe(ino);
    await expect(host.gcode('SAVE_VARIABLE VARIABLE=tool VALUE=T3')).rejects.toThrow(
      "Unable to parse 'T3' as a literal",
    );
    await expect(host.gcode('SAVE_VARIABLE VARIABLE=Tool VALUE=3')).rejects.toThrow('must not contain upper case');
  });

  test('saves its config beside, renames the old away, and renames the new into place', async () => {
    const before = read('config/printer.cfg');
    const seen: string[] = [];
    const watcher = watch(path('config'), (_, name) => {
      const known = String(name).replace(/\d{8}_\d{6}/, 'DATE');
      if (seen.at(-1) !== known) seen.push(known);
    });
    await host.gcode('SKEW_PROFILE SAVE=one');
    await host.gcode('SAVE_CONFIG');
    await host.reconnect();
    watcher.close();
    expect(seen.filter((name) => name !== 'variables.cfg')).toEqual([
      ...['printer_autosave.cfg', 'printer.cfg', 'printer-DATE.cfg', 'printer_autosave.cfg', 'printer.cfg'],
    ]);
    const [backup = ''] = readdirSync(path('config')).filter((name) => /^printer-\d{8}_\d{6}\.cfg$/.test(name));
    expect(read(`config/${backup}`)).toBe(before);
    expect(read('config/printer.cfg')).toBe(`${before.trimEnd()}

#*# <---------------------- SAVE_CONFIG ---------------------->
#*# DO NOT EDIT THIS BLOCK OR BELOW. The contents are auto-generated.
#*#
#*# [skew_correction one]
#*# xy_skew = 0.0
#*# xz_skew = 0.0
#*# yz_skew = 0.0
`);
  });

  test('prints a file to its last line, and runs what it says', async () => {
    gcode('whole.gcode', [
      '; a file',
      ...Array.from({ length: 40 }, (_, n) => `SAVE_VARIABLE VARIABLE=layer VALUE=${n}`),
    ]);
    await host.gcode('SDCARD_PRINT_FILE FILENAME=whole.gcode');
    await host.state('complete');
    expect(read('config/variables.cfg')).toContain('layer = 39\n');
    expect((await host.status()).print_stats).toMatchObject({ filename: 'whole.gcode', message: '' });
  });

  test('prints what it opened to the end where another file is renamed into its place', async () => {
    const lines = (what: string) =>
      Array.from({ length: 2000 }, (_, n) =>
        n % 20 === 0 ? `SAVE_VARIABLE VARIABLE=${what} VALUE=${n}` : '; much to read',
      );
    gcode('replaced.gcode', lines('old'));
    gcode('other.gcode.new', lines('new'));
    await host.gcode('SDCARD_PRINT_FILE FILENAME=replaced.gcode');
    renameSync(path('gcodes/other.gcode.new'), path('gcodes/replaced.gcode'));
    await host.state('complete');
    expect(read('config/variables.cfg')).toContain('old = 1980\n');
    expect(read('config/variables.cfg')).not.toContain('new = ');
  });

  test('takes a file that is cut short while it prints for a whole one', async () => {
    const lines = Array.from({ length: 4000 }, (_, n) => (n % 200 === 0 ? 'G4 P20' : '; much to read'));
    gcode('cut.gcode', lines);
    await host.gcode('SDCARD_PRINT_FILE FILENAME=cut.gcode');
    truncateSync(path('gcodes/cut.gcode'), 100);
    await host.state('complete');
    const { virtual_sdcard: sdcard } = await host.status();
    expect(sdcard.file_position).toBeLessThan(lines.join('\n').length);
  });

  test('pauses and goes on in the same file, which is gone by then', async () => {
    gcode('paused.gcode', [...Array.from({ length: 200 }, () => 'G4 P5'), 'SAVE_VARIABLE VARIABLE=went_on VALUE=True']);
    await host.gcode('SDCARD_PRINT_FILE FILENAME=paused.gcode');
    await host.state('printing');
    await host.klipper.ask('pause_resume/pause');
    await host.state('paused');
    renameSync(path('gcodes/paused.gcode'), path('gcodes/elsewhere'));
    await host.klipper.ask('pause_resume/resume');
    await host.state('complete');
    expect(read('config/variables.cfg')).toContain('went_on = True\n');
  });

  // The last, since the real one is halted by it.
  test('halts the printer when anything is printed while a link in the tree leads nowhere', async () => {
    symlinkSync('/nowhere', path('gcodes/dangling.gcode'));
    await expect(host.gcode('SDCARD_PRINT_FILE FILENAME=whole.gcode')).rejects.toThrow(
      `[Errno 2] No such file or directory: '${path('gcodes/dangling.gcode')}'`,
    );
    expect(await host.klipper.ask('info')).toMatchObject({ state: 'shutdown' });
  });
});
