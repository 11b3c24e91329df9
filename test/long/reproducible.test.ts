import { cp, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { execa } from 'execa';
import { expect, test } from 'vitest';
import { CACHE, DEMO } from '../../build/demo.ts';

test('an initramfs has the same bytes whoever builds it, where and when', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'statectl-elsewhere-'));
  await using _ = { [Symbol.asyncDispose]: () => rm(dir, { recursive: true }) };
  const own = ['config.d', 'initramfs'];
  for (const name of own) await cp(name, join(dir, name), { recursive: true });
  const options = {
    image: resolve(DEMO.image),
    keys: resolve(DEMO.keys),
    cache: resolve(CACHE),
    statectl: resolve(DEMO.binary),
    config: 'config.d',
    scripts: 'initramfs',
    out: 'again.img',
  };
  const words = Object.entries(options).map(([name, value]) => `--${name}=${value}`);
  // The demo's was built in this checkout, with an umask of 022 and in UTC.
  const script = 'umask 077; exec "$@"';
  await execa('sh', ['-c', script, 'sh', process.execPath, resolve('src/main.ts'), 'initramfs', 'build', ...words], {
    cwd: dir,
    env: { TZ: 'Asia/Kathmandu', LC_ALL: 'C', TMPDIR: dir },
  });
  const [first, again] = await Promise.all([readFile(DEMO.initramfs), readFile(join(dir, 'again.img'))]);
  expect(again.equals(first)).toBe(true);
});
