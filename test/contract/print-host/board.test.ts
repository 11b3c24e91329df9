import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import type { BoardStatus } from '../../../src/agent/boards/board-status.ts';
import type { PrinterState } from '../../../src/agent/printers/printer-state.ts';
import { watchPrinter } from '../../../src/agent/printers/watch-printer.ts';
import { linuxHost } from '../../../src/host/linux/host.ts';
import { connectKlipper } from '../../fixtures/print-host/api-socket.ts';
import { printerCfg } from '../../fixtures/print-host/configs.ts';
import { CHECKOUTS, linuxMcu, PYTHON } from '../../fixtures/print-host/programs.ts';

const { klipper: checkout } = CHECKOUTS;
const VERSION = 'v0.12.0-316-g1a2b3c4d';
const OLDER = 'v0.11.0-205-gdeadbeef';
/** Klipper tries for 90 seconds. */
const UNABLE_MS = 120_000;

/** The real Klipper and its firmware for Linux, of another version and with a command less, where the environment names a checkout. */
describe.runIf(checkout !== undefined)('the board of the real Klipper', () => {
  let [home, data, sources, tty, socket] = ['', '', '', '', ''];
  const end = new AbortController();
  const children = new Set<ChildProcess>();
  const states: PrinterState[] = [];
  let board: ChildProcess | undefined;
  const firmware = { same: '', older: '' };

  const start = (program: string, words: readonly string[]): ChildProcess => {
    const log = openSync(join(home, 'log'), 'a');
    const child = spawn(program, words, { stdio: ['ignore', log, log], cwd: home });
    children.add(child);
    return child;
  };
  async function stop(child: ChildProcess | undefined): Promise<void> {
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGKILL');
    await once(child, 'exit');
  }
  const power = async (program?: string): Promise<void> => {
    await stop(board);
    rmSync(tty, { force: true });
    board = program === undefined ? undefined : start(program, ['-I', tty]);
  };
  /** Of these sources as they are now. */
  async function build(name: string, version: string): Promise<string> {
    writeFileSync(join(sources, 'klippy/.version'), `${version}\n`);
    for (const made of ['klipper.elf', 'compile_time_request.o', 'compile_time_request.c', 'compile_time_request.txt'])
      rmSync(join(sources, 'out', made), { force: true });
    const elf = await linuxMcu(sources);
    cpSync(elf, join(home, name));
    return join(home, name);
  }
  const restart = async (command: string): Promise<void> => {
    using connection = await connectKlipper(socket);
    await connection.ask('gcode/script', { script: command }).catch(() => {});
  };
  const becomes = (wanted: Partial<BoardStatus>, timeout = 60_000): Promise<void> =>
    vi.waitFor(() => expect(states.at(-1)?.board).toMatchObject(wanted), { timeout, interval: 200 });

  beforeAll(async () => {
    home = mkdtempSync(join(tmpdir(), 'print-board-'));
    [data, sources, tty] = [join(home, 'data'), join(home, 'klipper'), join(home, 'mcu')];
    socket = join(data, 'comms/klippy.sock');
    for (const name of ['config', 'gcodes', 'logs', 'comms']) mkdirSync(join(data, name), { recursive: true });
    writeFileSync(join(data, 'config/printer.cfg'), printerCfg(data, tty));
    cpSync(checkout ?? '', sources, {
      ...{ recursive: true, preserveTimestamps: true },
      filter: (path) => !path.endsWith('/.git'),
    });
    firmware.same = await build('firmware-same', VERSION);
    const source = join(sources, 'src/basecmd.c');
    const text = readFileSync(source, 'utf8');
    writeFileSync(source, text.replace('"allocate_oids count', '"allocate_ids count'));
    firmware.older = await build('firmware-older', OLDER);
    writeFileSync(join(sources, 'klippy/.version'), `${VERSION}\n`);
    await power(firmware.same);
    const words = ['-a', socket, '-l', join(data, 'logs/klippy.log'), join(data, 'config/printer.cfg')];
    start(PYTHON, [join(sources, 'klippy/klippy.py'), ...words]);
    const options = { tell: (state: PrinterState) => void states.push(state), alarm: () => {} };
    watchPrinter(linuxHost(), { data }, options, end.signal).catch(() => {});
  }, 300_000);
  afterAll(async () => {
    end.abort(new Error('the test is over'));
    for (const child of children) await stop(child);
    rmSync(home, { recursive: true });
  });

  test('is known with the version of both', async () => {
    await becomes({ health: 'good', cause: 'talks', klipper: VERSION });
    expect(states.at(-1)?.board?.mcus.mcu).toMatch(new RegExp(`^${VERSION}-\\d{8}_\\d{6}-`));
  });

  test('that loses its power is absent, and known again when it is back', async () => {
    await power();
    await becomes({ health: 'unknown', cause: 'absent', mcu: 'mcu', place: tty });
    await power(firmware.same);
    await restart('FIRMWARE_RESTART');
    await becomes({ health: 'good', cause: 'talks' });
  });

  test('whose firmware lacks what Klipper asks for counts against the system', async () => {
    await power(firmware.older);
    await becomes({ cause: 'silent' });
    await restart('FIRMWARE_RESTART');
    await becomes({ health: 'bad', cause: 'firmware', klipper: VERSION });
    expect(states.at(-1)?.board?.mcus.mcu).toMatch(new RegExp(`^${OLDER}-`));
  });

  test('that is switched off when Klipper starts says nothing of the system', {
    timeout: UNABLE_MS + 60_000,
  }, async () => {
    await power();
    await restart('RESTART');
    await becomes({ health: 'unknown', cause: 'absent', place: tty }, UNABLE_MS);
    expect(states.at(-1)?.board?.why).toContain("mcu 'mcu': Unable to connect");
  });
});
