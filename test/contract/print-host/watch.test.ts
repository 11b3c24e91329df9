import { truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import type { BoardStatus } from '../../../src/agent/boards/board-status.ts';
import type { PrintTrouble } from '../../../src/agent/printers/printer-record.ts';
import type { PrinterState } from '../../../src/agent/printers/printer-state.ts';
import { type WatchedPrinter, watchPrinter } from '../../../src/agent/printers/watch-printer.ts';
import { processStart } from '../../../src/host/kernel/process-start.ts';
import { linuxHost } from '../../../src/host/linux/host.ts';
import { CHECKOUTS, type PrintPrograms, printPrograms } from '../../fixtures/print-host/programs.ts';

const { klipper, moonraker } = CHECKOUTS;

/** What the agent knows of a print, of the programs themselves where the environment names their checkouts. */
describe.each([
  { programs: 'the simulated programs', real: {} },
  ...(klipper !== undefined && moonraker !== undefined
    ? [{ programs: 'the real programs', real: { klipper, moonraker } }]
    : []),
])('a print of $programs', ({ real }) => {
  let host: PrintPrograms;
  let states: PrinterState[] = [];
  let troubles: PrintTrouble[] = [];
  let end = new AbortController();
  beforeAll(async () => {
    host = await printPrograms(real);
  });
  afterAll(() => host?.[Symbol.asyncDispose]());
  beforeEach(() => {
    [states, troubles, end] = [[], [], new AbortController()];
  });
  afterEach(() => end.abort(new Error('the test is over')));

  const watch = (more: Partial<WatchedPrinter> = {}): void => {
    const options = {
      tell: (state: PrinterState) => void states.push(state),
      alarm: (trouble: PrintTrouble) => void troubles.push(trouble),
    };
    watchPrinter(linuxHost(), { data: host.data, ...more }, options, end.signal).catch(() => {});
  };
  const becomes = (state: Partial<PrinterState>): Promise<void> =>
    vi.waitFor(() => expect(states.at(-1)).toMatchObject(state), { timeout: 30_000 });
  const gcode = (name: string, lines: readonly string[]): void =>
    writeFileSync(join(host.data, 'gcodes', name), `${lines.join('\n')}\n`);
  const pauses = (count: number): readonly string[] => Array.from({ length: count }, () => 'G4 P100');

  test('is heard of from its start to its end, with its file and a process that lives', async () => {
    watch();
    await becomes({ state: 'idle', by: 'klipper' });
    gcode('benchy.gcode', pauses(20));
    await host.gcode('SDCARD_PRINT_FILE FILENAME=benchy.gcode');
    await becomes({ state: 'printing', file: 'benchy.gcode' });
    const { pid, start } = states.at(-1) ?? {};
    expect(await processStart(linuxHost().files, pid ?? 0)).toBe(start);
    await host.gcode('PAUSE');
    await becomes({ state: 'paused', file: 'benchy.gcode' });
    await host.gcode('RESUME');
    await becomes({ state: 'printing' });
    await becomes({ state: 'idle', why: 'complete' });
    expect(troubles).toEqual([]);
  });

  test('that was cut is told of, though Klipper calls it complete', async () => {
    watch();
    const lines = Array.from({ length: 20_000 }, (_, at) => (at % 100 === 0 ? 'G4 P100' : `; line ${at}`));
    gcode('cut.gcode', lines);
    await host.gcode('SDCARD_PRINT_FILE FILENAME=cut.gcode');
    await becomes({ state: 'printing', file: 'cut.gcode' });
    truncateSync(join(host.data, 'gcodes/cut.gcode'), 20_000);
    await becomes({ state: 'idle', why: 'complete' });
    await vi.waitFor(() => expect(troubles).toMatchObject([{ kind: 'print-cut', file: 'cut.gcode' }]));
  });

  test('is heard of after a SAVE_CONFIG, which starts Klipper anew', async () => {
    watch();
    await becomes({ state: 'idle', by: 'klipper' });
    await host.gcode('SKEW_PROFILE SAVE=one');
    await host.gcode('SAVE_CONFIG');
    await host.reconnect();
    gcode('again.gcode', pauses(50));
    await host.gcode('SDCARD_PRINT_FILE FILENAME=again.gcode');
    await becomes({ state: 'printing', file: 'again.gcode' });
    await host.gcode('CANCEL_PRINT');
    await becomes({ state: 'idle', why: 'cancelled' });
  });

  test.runIf(real.moonraker !== undefined)('is heard of by Moonraker where Klipper’s socket is elsewhere', async () => {
    await host.startMoonraker();
    watch({ socket: join(host.data, 'comms/none.sock') });
    await becomes({ state: 'idle', by: 'moonraker' });
    const mcus = { mcu: expect.any(String) as string };
    await becomes({ board: expect.objectContaining({ health: 'good', cause: 'talks', mcus }) as BoardStatus });
    gcode('by.gcode', pauses(30));
    await host.gcode('SDCARD_PRINT_FILE FILENAME=by.gcode');
    await becomes({ state: 'printing', file: 'by.gcode', by: 'moonraker', pid: expect.any(Number) as number });
    await host.killMoonraker();
    // It is Klipper's process that counts.
    await becomes({ state: 'printing', why: expect.stringContaining('none.sock') as string });
    await host.startMoonraker();
    await becomes({ state: 'idle', why: 'complete' });
    await host.stopMoonraker();
  });
});
