import { describe, expect, it } from 'vitest';
import { BOOT_ROOTS } from '../../../../src/boot/record/boot-log.ts';
import { parseMounts } from '../../../../src/host/kernel/mount-table.ts';
import { logHome } from '../../../../src/machine/logs/log-home.ts';
import { RUNNING } from '../../../../src/machine/roots.ts';

const ROOT = 'overlay / overlay ro 0 0\n';

describe('the folder for logs', () => {
  it.each([
    ['/dev/vdb /run/initramfs/user-data ext4 rw 0 0', '/run/initramfs/user-data/persistent/logs'],
    ['/dev/vdb /sysroot/user-data ext4 ro 0 0\n/dev/sda1 /sysroot/boot vfat rw 0 0', '/sysroot/boot/logs'],
    ['/dev/sda2 /sysroot/boot/logs ext4 rw 0 0', '/sysroot/boot/logs'],
    ['tmpfs /sysroot/user-data tmpfs rw 0 0', undefined],
  ])('of a machine that boots with %j is %s', (mounts, folder) => {
    expect(logHome(parseMounts(mounts), BOOT_ROOTS, {})).toBe(folder);
  });

  it.each([
    ['/dev/vdb /user-data ext4 rw 0 0', '/user-data/persistent/logs'],
    ['/dev/vdb /user-data ext4 rw 0 0\n/dev/sda1 /boot vfat rw 0 0', '/boot/logs'],
    // Its disk is not there, or cannot be written to: a log elsewhere is better than none.
    ['/dev/vdb /user-data ext4 rw 0 0\n/dev/sda1 /boot vfat ro 0 0', '/user-data/persistent/logs'],
    // What is mounted over it is in RAM.
    ['/dev/sda1 /boot vfat rw 0 0\ntmpfs /boot/logs tmpfs rw 0 0', undefined],
    // The same mount point twice: the last is what one sees.
    ['/dev/sda1 /boot vfat rw 0 0\ntmpfs /boot tmpfs rw 0 0', undefined],
    ['', undefined],
  ])('of a machine that runs with %j, whose log.conf wants /boot/logs, is %s', (mounts, folder) => {
    expect(logHome(parseMounts(ROOT + mounts), [RUNNING], { to: '/boot/logs' })).toBe(folder);
  });
});
