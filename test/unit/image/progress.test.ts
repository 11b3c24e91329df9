import { expect, test } from 'vitest';
import { memoryHost } from '../../../src/host/memory.ts';
import { byLine, withProgress } from '../../../src/image/progress.ts';

const textsOf = (host: ReturnType<typeof memoryHost>) => host.lines.map(({ text }) => text);

test('long work tells every few seconds how far it is and how long it will take', async () => {
  const host = memoryHost();
  await withProgress(host, 'packing', 'bytes', async (report) => {
    for (let done = 0; done <= 20; done += 1) {
      report({ done: done * 2 ** 20, total: 20 * 2 ** 20 });
      await host.clock.sleep(1000);
    }
  });
  expect(textsOf(host)).toEqual([
    'packing: 25 % of 20.0 MiB, 15 s left',
    'packing: 50 % of 20.0 MiB, 10 s left',
    'packing: 75 % of 20.0 MiB, 5 s left',
    'packing: 100 % of 20.0 MiB, 0 s left',
    'packing: 20.0 MiB in 21 s',
  ]);
});

test('short work tells only that it is done', async () => {
  const host = memoryHost();
  expect(await withProgress(host, 'copying', 'files', async (report) => report({ done: 3 }))).toBe(undefined);
  await withProgress(host, 'looking', 'files', async () => {});
  expect(textsOf(host)).toEqual(['copying: 3 files in 0 s', 'looking: done in 0 s']);
});

test('work whose size nobody knows tells what is done', async () => {
  const host = memoryHost();
  await withProgress(host, 'unpacking', 'bytes', async (report) => {
    for (const done of [0, 3 * 2 ** 30]) {
      report({ done });
      await host.clock.sleep(150_000);
    }
  });
  expect(textsOf(host)).toEqual(['unpacking: 3.0 GiB', 'unpacking: 3.0 GiB in 5 min 0 s']);
});

test('on a terminal one line is drawn again and again', async () => {
  const host = memoryHost();
  const drawn: string[] = [];
  const console = { ...host.console, status: (text: string) => void drawn.push(text) };
  await withProgress({ ...host, console }, 'packing', 'files', async (report) => {
    for (let done = 1; done <= 3; done += 1) {
      await host.clock.sleep(200);
      report({ done, total: 4 });
      report({ done, total: 4 });
    }
  });
  expect(drawn).toEqual([
    'packing …',
    'packing: 25 % of 4 files',
    'packing: 50 % of 4 files',
    'packing: 75 % of 4 files',
  ]);
});

test('work that fails leaves a line behind, and its error', async () => {
  const host = memoryHost();
  const work = withProgress(host, 'packing', 'bytes', async () => {
    await host.clock.sleep(7000);
    throw new Error('no room');
  });
  await expect(work).rejects.toThrow('no room');
  expect(textsOf(host)).toEqual(['packing: stopped after 7 s']);
});

test('what a program prints is cut into lines, also where it draws one again', () => {
  const lines: string[] = [];
  const hear = byLine((line) => lines.push(line));
  for (const text of ['one\ntw', 'o\r\r\n', '[=] 1/2  50%\r[==] 2/2 100%\r', 'rest']) hear(text);
  expect(lines).toEqual(['one', 'two', '[=] 1/2  50%', '[==] 2/2 100%']);
});
