import { symlink } from 'node:fs/promises';
import { expect, test } from 'vitest';
import type { Clock } from '../../../src/host/host.ts';
import { linuxHost } from '../../../src/host/linux/host.ts';
import { addImage } from '../../../src/server/images/add-image.ts';
import { removeImage } from '../../../src/server/images/images.ts';
import { releaseChoice, useImage } from '../../../src/server/images/uses.ts';
import { lockStore } from '../../../src/server/lock.ts';
import { lockPath } from '../../../src/server/store/store.ts';
import { stillClock, temporaryStore } from '../../fixtures/server/temporary-store.ts';

/** Ten seconds of waiting pass at once. */
function hurriedClock(): Clock {
  let nowMs = 0;
  const sleep = async (ms: number) => {
    nowMs += ms;
  };
  return { ...stillClock, uptimeMs: () => nowMs, sleep };
}

const { files } = linuxHost();
const bootId = async () => (await files.readText('/proc/sys/kernel/random/boot_id')).trim();
const space = () => files.readlink('/proc/self/ns/pid');

test('a second process waits ten seconds for the lock and then says who has it', async () => {
  await using temporary = await temporaryStore(hurriedClock());
  await using _held = await lockStore(temporary.store);
  await expect(lockStore(temporary.store)).rejects.toThrow(`(pid=${process.pid} `);
});

test('images are added, used and removed by one process at a time', async () => {
  await using temporary = await temporaryStore(hurriedClock());
  const { store } = temporary;
  const { dir } = await temporary.add();
  await using _held = await lockStore(store);
  for (const change of [
    () => addImage(store, dir),
    () => useImage(store, 'lab'),
    () => releaseChoice(store, 'default'),
    () => removeImage(store, 'lab@20261120.1'),
  ])
    await expect(change()).rejects.toThrow(expect.objectContaining({ code: 'locked' }));
});

test('the lock is free again when its holder has finished', async () => {
  await using temporary = await temporaryStore(hurriedClock());
  for (let i = 0; i < 3; i++) {
    await using _held = await lockStore(temporary.store);
  }
  expect(await files.stat(lockPath(temporary.store))).toBeUndefined();
});

test('a lock that a dead process left is taken over, also when its number lives on in another process', async () => {
  await using temporary = await temporaryStore(hurriedClock());
  const path = lockPath(temporary.store);
  for (const left of [
    `pid=4194305 start=1 boot=${await bootId()} space=${await space()}`,
    `pid=${process.pid} start=1 boot=${await bootId()} space=${await space()}`,
    `pid=${process.pid} start=1 boot=another-boot space=${await space()}`,
    'nonsense',
  ]) {
    await symlink(left, path);
    await using _held = await lockStore(temporary.store);
    expect(await files.readlink(path)).toContain(`pid=${process.pid} `);
  }
  expect(await files.list(temporary.store.root)).not.toContain('lock.break');
});

test('a lock of another container is not judged from here', async () => {
  await using temporary = await temporaryStore(hurriedClock());
  await symlink(`pid=7 start=1 boot=${await bootId()} space=pid:[1]`, lockPath(temporary.store));
  await expect(lockStore(temporary.store)).rejects.toThrow(expect.objectContaining({ code: 'locked' }));
});
