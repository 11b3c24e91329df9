import { expect, test } from 'vitest';
import {
  cpuSeconds,
  parseBusySeconds,
  parseChildrenSeconds,
  parseCpuSeconds,
  watchOtherWork,
} from '../../../build/bench/cpu-time.ts';

test('adds user and system time, also behind a name with blanks and parentheses', () => {
  const stat = '4711 (qemu (a) b) S 1 4711 4711 0 -1 4194304 100 0 0 0 1406 130 0 0 20 0 6 0 12345 2147483648 300000';
  expect(parseCpuSeconds(stat)).toBeCloseTo(15.36);
});

test('what a process waited for is told apart', () => {
  const stat = '4711 (a (b) c) S 1 4711 4711 0 -1 4194304 100 0 0 0 1406 130 250 25 20 0 6 0 12345 2147483648 300000';
  expect(parseChildrenSeconds(stat)).toBeCloseTo(2.75);
});

test('this process has used some', () => {
  expect(cpuSeconds(process.pid)).toBeGreaterThan(0);
});

test('neither idling nor waiting for a disk is work', () => {
  expect(parseBusySeconds('cpu  100 20 30 99999 88888 4 5 1 7 8\ncpu0 1 1 1 1')).toBeCloseTo(1.6);
});

test('what the machine under test used is not other work', () => {
  const otherWork = watchOtherWork();
  expect(otherWork({ cpuS: 1000, wallS: 10 })).toBe(0);
});
