import { spawnSync } from 'node:child_process';
import { expect, it } from 'vitest';

it('a verb that is not there ends with status 2 and nothing on standard output', () => {
  const { status, stdout, stderr } = spawnSync(process.execPath, ['src/main.ts', 'queue', 'list', '--help'], {
    encoding: 'utf8',
  });
  expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
  expect(stderr).toMatch(/^statectl: there is no verb "statectl queue"\n→ there are .*`statectl --help`/);
});
