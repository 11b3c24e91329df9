import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { watchFolder } from '../../../src/host/linux/watch-folder.ts';

let folder = '';
const warnings: string[] = [];
const warned = ({ message }: Error): void => void warnings.push(message);
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'watch-folder-'));
  process.on('warning', warned);
});
afterEach(() => {
  process.off('warning', warned);
  rmSync(folder, { recursive: true });
});

it('what comes faster than it is taken is a change that names nothing; what comes later has its name, and no log is filled', async () => {
  const stop = new AbortController();
  const changes = watchFolder(folder, stop.signal);
  const first = changes.next();
  writeFileSync(join(folder, 'first'), '');
  expect((await first).value).toBe('first');
  for (const round of [1, 2]) {
    for (let count = 0; count < 5_000; count += 1) writeFileSync(join(folder, `${round}-${count}`), '');
    // They are all heard, and nobody takes one.
    await new Promise((resolve) => setTimeout(resolve, 100));
    let taken = 0;
    while ((await changes.next()).value !== undefined) taken += 1;
    expect(taken).toBeLessThan(5_000);
  }
  writeFileSync(join(folder, 'later'), '');
  let name: string | undefined;
  while (name !== 'later') name = (await changes.next()).value;
  stop.abort(new Error('enough'));
  expect((await changes.next()).done).toBe(true);
  expect(warnings).toEqual([]);
});

it('a folder that is not there is told', async () => {
  const changes = watchFolder(join(folder, 'none'), new AbortController().signal);
  await expect(changes.next()).rejects.toMatchObject({ code: 'ENOENT' });
});
