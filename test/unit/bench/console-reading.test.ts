import { expect, test } from 'vitest';
import {
  printedAt,
  readHashTimes,
  readLoopedFiles,
  readMarker,
  readRoot,
} from '../../../build/bench/console-reading.ts';

test('reads when the init was reached, and how much RAM there was', () => {
  const text = '[   11.1] something\r\nBENCH-INIT-REACHED 11.52 MemAvailable=1683392\r\n';
  expect(readMarker(text)).toEqual({ uptimeS: 11.52, memAvailableKb: 1683392 });
});

test('a marker of which the end is still to come is not read', () => {
  expect(readMarker('BENCH-INIT-REACHED 11.52 MemAvailable=168')).toBeUndefined();
});

test('knows when the kernel printed a line', () => {
  const text =
    'SeaBIOS\r\n[    0.000000] Linux version\r\n[    1.902511] Run /init as init process\r\n[   12.5] other\r\n';
  expect(printedAt(text, 'Run /init as init process')).toBe(1.902511);
  expect(printedAt(text, 'Linux version')).toBe(0);
  expect(printedAt(text, 'Kernel panic')).toBeUndefined();
});

test('names the files that are looped, also one that was unlinked', () => {
  const text = 'BENCH-LOOP 142216 /tmp/curl_fetch_url0/root.squashfs (deleted)\r\nBENCH-LOOP 8 /runtime.squashfs\r\n';
  expect(readLoopedFiles(text)).toEqual([
    { name: 'root.squashfs', sizeBytes: 72_814_592 },
    { name: 'runtime.squashfs', sizeBytes: 4096 },
  ]);
});

test('reads how long each segment took to be hashed', () => {
  const text = 'BENCH-HASH modules.squashfs 2.10 2.46\r\nBENCH-HASH runtime.squashfs 2.46 3.13\r\n';
  const times = readHashTimes(text);
  expect([...times.keys()]).toEqual(['modules.squashfs', 'runtime.squashfs']);
  expect(times.get('runtime.squashfs')).toBeCloseTo(0.67);
});

test('says what the root is', () => {
  expect(readRoot('BENCH-ROOT overlay writable\r\n')).toBe('overlay, writable state');
  expect(readRoot('')).toBeUndefined();
});
