import { describe, expect, test } from 'vitest';
import { type BootTrace, breakdown, initToHandoverS, slowestSteps } from '../../../build/bench/breakdown.ts';
import type { JournalLine } from '../../../src/boot/record/journal-reader.ts';

const CONSOLE = `[    1.900000] Run /init as init process\r
[    3.100000] statectl: initramfs ready, runtime mounted, after 3.05 s\r
BENCH-INIT-REACHED 9.50 MemAvailable=1683392\r
`;

const EVENTS: readonly JournalLine[] = [
  { atMs: 4000, event: 'boot-started', version: '1' },
  { atMs: 4010, event: 'phase-started', phase: 'cmdline' },
  { atMs: 4060, event: 'phase-ended', phase: 'cmdline', tookMs: 50 },
  { atMs: 8000, event: 'step', phase: 'update', step: 'fetch it', command: 'wget', tookMs: 3400 },
  { atMs: 8100, event: 'phase-ended', phase: 'update', tookMs: 4000 },
  { atMs: 8900, event: 'step', phase: 'mount', step: 'copy it', command: 'cp', tookMs: 200 },
  { atMs: 8950, event: 'step', phase: 'mount', step: 'bind it', command: 'mount', tookMs: 5 },
  { atMs: 9000, event: 'handed-over', init: '/bench-init', bootMs: 9000 },
];

const TRACE: BootTrace = { console: CONSOLE, events: EVENTS, wallS: 12 };

describe('the breakdown of a boot', () => {
  test('goes from power-on to the init of the system', () => {
    const rounded = breakdown(TRACE).map(({ name, seconds }) => `${seconds.toFixed(2)} ${name}`);
    expect(rounded).toEqual([
      '2.50 qemu and firmware, the kernel unpacks itself',
      '1.90 kernel, until it runs /init',
      '1.20 /init: segments checked and mounted',
      '0.90 the controller starts',
      '0.05 phase cmdline',
      '4.00 phase update',
      '0.95 between the phases',
      '0.50 switch root, until the init speaks',
    ]);
  });

  test('leaves no gap: its stretches make up the whole time', () => {
    const sum = breakdown(TRACE).reduce((total, { seconds }) => total + seconds, 0);
    expect(sum).toBeCloseTo(TRACE.wallS);
  });

  test.each([
    ['the console', { ...TRACE, console: CONSOLE.replace('initramfs ready', '') }],
    ['the events', { ...TRACE, events: EVENTS.slice(0, -1) }],
  ])('is empty when %s lacks a moment', (_what, trace) => {
    expect(breakdown(trace)).toEqual([]);
  });
});

test('the time of a plan is that from /init to the hand-over', () => {
  expect(initToHandoverS(TRACE)).toBeCloseTo(7.1);
  expect(initToHandoverS({ ...TRACE, events: [] })).toBeUndefined();
});

test('the slowest steps come first, with their phase', () => {
  expect(slowestSteps(EVENTS, 2)).toEqual([
    { name: 'update: fetch it', seconds: 3.4 },
    { name: 'mount: copy it', seconds: 0.2 },
  ]);
});
