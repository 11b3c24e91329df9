import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'statectl-mistyped-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const statectl = (...words: readonly string[]) =>
  spawnSync(process.execPath, ['src/main.ts', ...words], { encoding: 'utf8' });

it.each([
  ['node drbd', ['node', 'drbd', 'all']],
  ['node run', ['node', 'run', 'print07', '--timeout', '1s', '--', 'true']],
])('%s makes no state where a path is mistyped', (_verb, words) => {
  const state = join(folder, 'state');
  const [verb, name, ...rest] = words as [string, string, ...string[]];
  const { status } = statectl(verb, name, '--config', 'config.d', '--state', state, ...rest);
  expect(status).not.toBe(0);
  expect(existsSync(state)).toBe(false);
});

it('node drbd says that it takes one node', () => {
  const { status, stderr } = statectl('node', 'drbd', 'print[07-08]', '--config', 'config.d', '--state', folder);
  expect([status, stderr]).toEqual([2, expect.stringContaining('names several nodes: node drbd takes one, or all')]);
});

it('adopt judges names before it connects', () => {
  const { stderr } = statectl('adopt', 'pi@nowhere.invalid', '--node', 'a b', '--config', 'config.d');
  expect(stderr).toContain('"a b" is no host name');
  expect(stderr).not.toContain('nowhere');
});
