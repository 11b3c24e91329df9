import { execFileSync } from 'node:child_process';
import { expect, it } from 'vitest';
import { cli } from '../../../src/cli.ts';
import { printedBy } from '../../fixtures/reader/printed.ts';

const script = await printedBy(() => cli(['completion', 'bash']));

/** What bash offers after these words, the last of which is being typed. */
function offered(...words: readonly string[]): readonly string[] {
  const ask = `${script}\nCOMP_WORDS=(${words.map((word) => `'${word}'`).join(' ')}); COMP_CWORD=${words.length - 1}; _statectl; printf '%s\\n' "\${COMPREPLY[@]}"`;
  return execFileSync('bash', ['-c', ask], { encoding: 'utf8' }).trim().split('\n');
}

it('completes verbs, the verbs below them, and options', () => {
  expect(offered('statectl', 'b')).toEqual(['build', 'boot', 'btrfs']);
  expect(offered('statectl', 'image', 're')).toEqual(['release', 'remove']);
  expect(offered('statectl', 'initramfs', 'build', '--mod')).toEqual(['--modules', '--modules-compression']);
  expect(offered('statectl', 'status', '--a')).toEqual(['--all']);
  expect(offered('statectl', 'lic')).toEqual(['licences', 'licenses']);
  expect(offered('statectl', 'licenses', '--j')).toEqual(['--json']);
  for (const verb of ['move', 'run']) expect(offered('statectl', 'node', verb, '--g')).toEqual(['--group']);
});

it('completes the commands of verbs of a booting machine, and no option that only prose or an example names', () => {
  expect(offered('statectl', 'lock', '')).toEqual(['list', 'check', 'hold', 'drop', '--help']);
  expect(offered('statectl', 'lock', 'hold', '--')).toEqual(['--for', '--what']);
  expect(offered('statectl', 'rescue', 're')).toEqual(['report', 'retry', 'reboot']);
  expect(offered('statectl', 'rescue', 'reboot', '--')).toEqual(['--force']);
  expect(offered('statectl', 'agent', '--')).toEqual(['--help']);
  expect(offered('statectl', 'node', 'run', '--fo')).toEqual(['--force']);
});

it('completes file names where no word of its own fits', () => {
  expect(offered('statectl', 'image', 'add', 'package.js')).toEqual(['package.json']);
});

it('completes options after an argument, and then no verb', () => {
  expect(offered('statectl', 'printer', 'export', 'voron', '--o')).toEqual(['--out']);
  expect(offered('statectl', 'image', 'use', 'lab', '--f')).toEqual(['--for']);
  expect(offered('statectl', 'lock', 'hold', 'calibration', '--')).toEqual(['--for', '--what']);
  expect(offered('statectl', 'printer', 'log', 'voron', 'package.js')).toEqual(['package.json']);
  expect(offered('statectl', 'lock', 'no-such-verb', 'li')).toEqual(['']);
});

it('completes what an argument may be, and verbs after help', () => {
  expect(offered('statectl', 'completion', 'z')).toEqual(['zsh']);
  expect(offered('statectl', 'help', 'pri')).toEqual(['printer']);
  expect(offered('statectl', 'help', 'lock', 'h')).toEqual(['hold']);
});
