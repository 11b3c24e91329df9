import { expect, it } from 'vitest';
import { type AttemptEvidence, judgeAttempt } from '../../../src/slots/verdict.ts';
import { attemptOn, NOW, WINDOW_MS } from '../../fixtures/slots/cycles.ts';

const STARTED = { started: { atMs: 100 } };
const STOPPING = { stopping: { atMs: 200 } };
const FAILED = { failed: { atMs: 100, check: 'service klipper', reason: 'it is dead' } };
const DELIBERATE = { deliberate: { by: 'systemctl reboot' } };
const PANIC = { panic: 'Oops: 0000' };
const WATCHDOG = { watchdogReset: true };
const alive = (gateMs: number) => ({ alive: { uptimeMs: 1_000_000, gateMs } });

/** Each row of the table of verdicts, by what tells. */
const ROWS: Readonly<Record<string, readonly [AttemptEvidence, string, string?]>> = {
  'started, stopped, clean': [{ ...STARTED, ...STOPPING, clean: true }, 'HEALTHY'],
  'started, stopped, and the file system does not say': [{ ...STARTED, ...STOPPING }, 'HEALTHY'],
  'started, stopped, clean, and it died on the last steps': [
    { ...STARTED, ...STOPPING, clean: true, ...PANIC },
    'HEALTHY',
  ],
  'started, stopped, clean, and firmware hung until the watchdog came': [
    { ...STARTED, ...STOPPING, clean: true, ...WATCHDOG },
    'HEALTHY',
  ],
  'started, and the power went': [{ ...STARTED, clean: false }, 'UNCLEAN_STOP'],
  'started, the disk clean by chance, no stop': [{ ...STARTED, clean: true }, 'UNCLEAN_STOP'],
  'started, stopped, not clean': [{ ...STARTED, ...STOPPING, clean: false }, 'UNCLEAN_STOP'],
  'started, stopped, not clean, watchdog': [{ ...STARTED, ...STOPPING, clean: false, ...WATCHDOG }, 'HUNG_STOP'],
  'started, stopped, not clean, panic': [{ ...STARTED, ...STOPPING, clean: false, ...PANIC }, 'HUNG_STOP'],
  'started, stopped, found clean by a boot that was cut, or hung': [
    { ...STARTED, closed: { atMs: NOW - 60_000 }, clean: false, ...WATCHDOG },
    'HEALTHY',
  ],
  'started, panic': [{ ...STARTED, ...PANIC }, 'CRASHED'],
  'started, watchdog': [{ ...STARTED, ...WATCHDOG, clean: false }, 'CRASHED'],
  'started, and a person ended it later': [{ ...STARTED, ...STOPPING, ...DELIBERATE, clean: true }, 'HEALTHY'],
  'the gate failed': [{ ...FAILED }, 'FAILED_START'],
  'the gate failed, and the system was brought down for it': [{ ...FAILED, ...STOPPING, clean: true }, 'FAILED_START'],
  'the gate failed, and a person ended it': [{ ...FAILED, ...DELIBERATE }, 'FAILED_START'],
  'the gate had passed, and took it back': [
    { ...STARTED, failed: { ...FAILED.failed, atMs: 150 }, ...STOPPING, clean: true },
    'FAILED_START',
  ],
  'the gate failed first, and passed in the end': [
    { started: { atMs: 150 }, ...FAILED, ...STOPPING, clean: true },
    'HEALTHY',
  ],
  'not started, panic': [{ ...PANIC }, 'FAILED_START'],
  'not started, watchdog': [{ ...WATCHDOG }, 'FAILED_START'],
  'not started, alive beyond the window': [alive(WINDOW_MS + 1), 'FAILED_START'],
  'not started, alive for less than the window, however long the boot took': [alive(WINDOW_MS), 'INTERRUPTED', 'long'],
  'not started, alive by the clock of the kernel alone, beyond the window': [
    { alive: { uptimeMs: 4_001 + WINDOW_MS } },
    'FAILED_START',
  ],
  'nothing at all': [{}, 'INTERRUPTED', 'long'],
  'nothing but a clean disk': [{ clean: true }, 'INTERRUPTED', 'long'],
  'a person ended it before it had started': [{ ...DELIBERATE }, 'DELIBERATE'],
  'a person ended it, and the stop hung': [{ ...DELIBERATE, ...WATCHDOG }, 'DELIBERATE'],
  'brought down in order before it had started': [{ ...STOPPING, clean: true }, 'INTERRUPTED', 'orderly'],
};

it.each(Object.entries(ROWS))('the verdict of: %s', (_title, [said, verdict, stood]) => {
  expect(judgeAttempt(said, attemptOn('a'), { nowMs: NOW })).toMatchObject({ verdict, ...(stood && { stood }) });
});

it('how long the machine stood is told by a clock that both starts had, and by none that jumped (F20)', () => {
  const at = (atMs: number | undefined, nowMs: number | undefined) => {
    const { atMs: _usual, ...attempt } = attemptOn('a');
    return judgeAttempt({}, { ...attempt, ...(atMs !== undefined && { atMs }) }, { nowMs }).stood;
  };
  const YEAR = 365.25 * 86_400_000;
  expect(at(NOW, NOW + WINDOW_MS)).toBe('short');
  expect(at(NOW, NOW + WINDOW_MS + 1)).toBe('long');
  expect(at(NOW, undefined)).toBe('unknown');
  expect(at(undefined, NOW)).toBe('unknown');
  expect(at(NOW, NOW - 1)).toBe('unknown');
  expect(at(NOW, NOW + 10 * YEAR)).toBe('unknown');
  expect(at(NOW, NOW - 10 * YEAR)).toBe('unknown');
  expect(at(0, NOW)).toBe('unknown');
});
