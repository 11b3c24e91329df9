import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

const DIR = join(import.meta.dirname, '../../../initramfs');
const isScript = (name: string): boolean =>
  name.endsWith('.sh') || readFileSync(join(DIR, name), 'utf8').startsWith('#!');
const scripts = readdirSync(DIR).filter(isScript);
const installed = spawnSync('shellcheck', ['--version']).status === 0;

it.skipIf(!installed).each(['give-back.sh', 'setup.sh'])('build/%s has nothing that shellcheck minds', (name) => {
  const { stdout } = spawnSync('shellcheck', ['--severity=style', `build/${name}`], { encoding: 'utf8' });
  expect(stdout).toBe('');
});

describe('the scripts of the initramfs', () => {
  it('are all found', () => {
    expect(scripts).toEqual(expect.arrayContaining(['init', 'rescue-shell', 'rescue.sh', 'shutdown', 'udhcpc.script']));
  });

  it.skipIf(!installed).each(scripts)('%s has nothing that shellcheck minds', (name) => {
    const { stdout } = spawnSync('shellcheck', ['--shell=sh', '--severity=style', name], {
      cwd: DIR,
      encoding: 'utf8',
    });
    expect(stdout).toBe('');
  });

  it.each(scripts)('%s is read by busybox ash', (name) => {
    const { status, stderr, error } = spawnSync('busybox', ['sh', '-n', name], { cwd: DIR, encoding: 'utf8' });
    if (error === undefined) expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  });

  it('/init can be read in one sitting', () => {
    expect(readFileSync(join(DIR, 'init'), 'utf8').split('\n').length).toBeLessThan(150);
  });
});
