import { expect, it } from 'vitest';
import { holdLock } from '../../../src/host/lock.ts';
import { memoryHost } from '../../../src/host/memory.ts';

const PATH = '/state/lock';
const DEAD = 'pid=7 start=1 boot=now space=pid:[1]';
const LIVING = 'pid=8 start=2 boot=now space=pid:[1]';
const start = (ticks: number) => `8 (statectl) S ${'0 '.repeat(18)}${ticks} 0`;

it('a lock that changed hands while it was judged stale is not broken', async () => {
  const host = memoryHost({
    files: {
      '/state': { type: 'dir' },
      [PATH]: { type: 'symlink', target: DEAD },
      '/proc/self': { type: 'symlink', target: '9' },
      '/proc/9/ns/pid': { type: 'symlink', target: 'pid:[1]' },
      '/proc/9/stat': start(3),
      '/proc/8/stat': start(2),
      '/proc/sys/kernel/random/boot_id': 'now\n',
    },
  });
  const { files } = host;
  const changing = {
    ...host,
    files: {
      ...files,
      // Another process broke it, and a third took it, just before this one may.
      async symlink(target: string, path: string) {
        if (path === `${PATH}.break`) {
          await files.remove(PATH);
          await files.symlink(LIVING, PATH);
        }
        await files.symlink(target, path);
      },
    },
  };
  await expect(holdLock(changing, PATH, 'changing it')).rejects.toMatchObject({
    code: 'locked',
    message: `another statectl is changing it (${LIVING})`,
  });
  expect(await files.readlink(PATH)).toBe(LIVING);
});
