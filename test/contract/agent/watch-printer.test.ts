import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import type { PrintTrouble } from '../../../src/agent/printers/printer-record.ts';
import type { PrinterState } from '../../../src/agent/printers/printer-state.ts';
import { watchPrinter } from '../../../src/agent/printers/watch-printer.ts';
import { processStart } from '../../../src/host/kernel/process-start.ts';
import { linuxHost } from '../../../src/host/linux/host.ts';
import { KlipperSocket } from '../../fixtures/state/klipper-socket.ts';

let data = '';
let end = new AbortController();
let process: ChildProcess;
let states: PrinterState[] = [];
let troubles: PrintTrouble[] = [];
const running: KlipperSocket[] = [];

beforeEach(() => {
  data = mkdtempSync(join(tmpdir(), 'printer-'));
  mkdirSync(`${data}/comms`);
  end = new AbortController();
  // Klipper's process: the watch asks for its number, and whether it lives.
  process = spawn('sleep', ['600']);
  states = [];
  troubles = [];
});
afterEach(async () => {
  end.abort(new Error('the test is over'));
  process.kill();
  for (const socket of running.splice(0)) await socket.stop();
  rmSync(data, { recursive: true });
});

const pid = (): number => process.pid as number;
const klipper = async (as: 'klipper' | 'moonraker' = 'klipper', saysPid = true): Promise<KlipperSocket> => {
  const path = `${data}/comms/${as === 'klipper' ? 'klippy' : 'moonraker'}.sock`;
  const socket = await new KlipperSocket(path, { as, ...(saysPid && { pid: pid() }) }).start();
  running.push(socket);
  return socket;
};
const watch = (before?: PrinterState): void => {
  const options = {
    before,
    tell: (state: PrinterState) => void states.push(state),
    alarm: (trouble: PrintTrouble) => void troubles.push(trouble),
  };
  watchPrinter(linuxHost(), { data }, options, end.signal).catch(() => {});
};
const becomes = (state: Partial<PrinterState>): Promise<void> =>
  vi.waitFor(() => expect(states.at(-1)).toMatchObject(state), { timeout: 20_000 });

it('hears of a print by Klipper’s socket, with its file and process, and of its end', async () => {
  const printer = await klipper();
  watch();
  await becomes({ state: 'idle', by: 'klipper' });
  printer.print('benchy.gcode');
  await becomes({ state: 'printing', file: 'benchy.gcode', pid: pid() });
  printer.become({ print_stats: { state: 'paused' }, virtual_sdcard: { is_active: false } });
  await becomes({ state: 'paused' });
  printer.become({
    print_stats: { state: 'complete' },
    virtual_sdcard: { is_active: false, file_position: 1000, file_size: 1000 },
  });
  await becomes({ state: 'idle', why: 'complete' });
  await vi.waitFor(() => expect(printer.requests.at(-1)?.method).toBe('objects/query'));
  expect(troubles).toEqual([]);
});

it('asks for nothing that changes all the time, and names itself once', async () => {
  const printer = await klipper();
  watch();
  await becomes({ state: 'idle' });
  expect(JSON.stringify(printer.requests)).not.toMatch(/file_position|print_duration/);
  expect(printer.requests.filter(({ params }) => 'client_info' in params)).toHaveLength(1);
});

it('tells of a file that ended before its size', async () => {
  const printer = await klipper();
  watch();
  printer.print('long.gcode');
  await becomes({ state: 'printing' });
  printer.become({
    print_stats: { state: 'complete' },
    virtual_sdcard: { is_active: false, file_position: 130, file_size: 1000 },
  });
  await vi.waitFor(() =>
    expect(troubles).toEqual([{ kind: 'print-cut', file: 'long.gcode', position: 130, size: 1000 }]),
  );
});

it('hears of it by Moonraker’s socket where Klipper has none', async () => {
  const printer = await klipper('moonraker');
  watch();
  await becomes({ state: 'idle', by: 'moonraker' });
  printer.print('benchy.gcode');
  await becomes({ state: 'printing', by: 'moonraker', pid: pid() });
});

it('keeps a print whose socket went as long as its process lives, and finds it again', async () => {
  const printer = await klipper();
  printer.print('benchy.gcode');
  watch();
  await becomes({ state: 'printing' });
  await printer.stop();
  await becomes({ state: 'printing', why: 'klipper ended the connection' });
  await printer.start();
  await vi.waitFor(() => expect(printer.connections).toBe(1), { timeout: 20_000 });
  printer.become({ print_stats: { state: 'cancelled' }, virtual_sdcard: { is_active: false } });
  await becomes({ state: 'idle', why: 'cancelled' });
});

it('a print is over when its process is', async () => {
  const printer = await klipper();
  printer.print('benchy.gcode');
  watch();
  await becomes({ state: 'printing' });
  await new Promise((resolve) => {
    process.once('exit', resolve);
    process.kill('SIGKILL');
  });
  await printer.stop();
  await becomes({ state: 'away' });
});

it('an agent that begins anew goes on with the print that it knew, if Klipper is the same', async () => {
  const start = (await processStart(linuxHost().files, pid())) as string;
  const before: PrinterState = { state: 'printing', file: 'a.gcode', sinceMs: 1, by: 'klipper', pid: pid(), start };
  watch(before);
  await becomes({ state: 'printing', file: 'a.gcode' });
  end.abort(new Error('once more'));
  end = new AbortController();
  states = [];
  watch({ ...before, start: '1' });
  await becomes({ state: 'away' });
  expect(states.map(({ state }) => state)).not.toContain('printing');
});

it('a Klipper that is in shutdown prints nothing, whatever is left of the print', async () => {
  const printer = await klipper();
  printer.print('benchy.gcode');
  watch();
  await becomes({ state: 'printing' });
  printer.become({ webhooks: { state: 'shutdown', state_message: 'Timer too close' } });
  await becomes({ state: 'idle', why: 'Klipper is in shutdown: Timer too close' });
});

it.each([
  ['no JSON', 'x\x03\x03{"id":\x03'],
  [
    'other kinds',
    '{"method":"notify_status_update","params":{"status":{"print_stats":{"state":7},"webhooks":[]}}}\x03',
  ],
  ['lists in lists', `${'['.repeat(200_000)}\x03`],
  ['half a letter', Buffer.from([0xe2, 0x82, 0x03])],
])('%s from a printer change nothing, and the next is heard', async (_, bytes) => {
  const printer = await klipper();
  watch();
  await becomes({ state: 'idle' });
  printer.say(bytes);
  printer.print('benchy.gcode');
  await becomes({ state: 'printing', file: 'benchy.gcode' });
  expect(printer.connections).toBe(1);
});

it('leaves who sends a message without end, and asks again', async () => {
  const printer = await klipper();
  watch();
  await becomes({ state: 'idle' });
  printer.say('x'.repeat(300 * 1024));
  await becomes({ state: 'away', why: 'a message of more than 262144 bytes' });
  await becomes({ state: 'idle' });
});

it('does not connect to what somebody put in the place of the socket', async () => {
  const elsewhere = await new KlipperSocket(`${data}/other.sock`).start();
  running.push(elsewhere);
  symlinkSync(elsewhere.path, `${data}/comms/klippy.sock`);
  writeFileSync(`${data}/comms/moonraker.sock`, '');
  watch();
  await becomes({ state: 'away', why: `${data}/comms/klippy.sock is no socket` });
  expect(elsewhere.requests).toEqual([]);
});
