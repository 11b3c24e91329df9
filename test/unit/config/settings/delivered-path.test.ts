import { describe, expect, it } from 'vitest';
import { pathFault } from '../../../../src/config/settings/delivered-path.ts';

describe('the path of a file that a bundle brings', () => {
  it.each([
    ['etc/motd', 'is not absolute'],
    ['', 'is not absolute'],
    ['/', 'is not a plain path'],
    ['/etc/', 'is not a plain path'],
    ['/etc//motd', 'is not a plain path'],
    ['/etc/./motd', 'is not a plain path'],
    ['/etc/../motd', 'is not a plain path'],
    ['/..', 'is not a plain path'],
    ['/etc/mo\0td', 'has control characters'],
    ['/etc/mo\ntd', 'has control characters'],
    ['/etc/\u001b[2J', 'has control characters'],
    ['/etc/a\u2028b', 'has control characters'],
    ['/etc/a\u2029b', 'has control characters'],
    ['/etc/a\ufffdb', 'has control characters'],
    [`/etc/${'ü'.repeat(128)}`, 'is too long'],
    [`/${'b'.repeat(256)}/c`, 'is too long'],
    [`/a/${'b'.repeat(256)}`, 'is too long'],
    [`/${'a/'.repeat(2048)}b`, 'is too long'],
    [`/${'a/'.repeat(2047)}b`, 'is too long'],
    ['/proc', 'belongs to the kernel'],
    ['/run/statectl', 'belongs to statectl'],
    ['/proc/sys/kernel/x', 'belongs to the kernel'],
    ['/dev/sda', 'belongs to the kernel'],
    ['/sys/x', 'belongs to the kernel'],
    ['/run/statectl/rt/statectl', 'belongs to statectl'],
    ['/run/initramfs/shutdown', 'belongs to statectl'],
    ['/user-data/persistent/statectl/machine-id', 'belongs to statectl'],
    ['/user-data/persistent/images/current', 'belongs to statectl'],
  ])('%j %s', (path, why) => {
    expect(pathFault(path)).toBe(why);
  });

  it.each([
    '/etc/motd',
    '/run/systemd/system/x.service',
    '/root/.ssh/authorized_keys',
    '/procs',
    '/etc/ü b\\x2d',
    '/etc/...',
    '/etc/.a',
    '/etc/a..',
    `/${'a/'.repeat(2046)}bb`,
    `/${'b'.repeat(255)}/c`,
    `/${'ü'.repeat(127)}`,
    '/etc/proc/x',
    '/srv/run/statectl/x',
    '/run/statectl-x',
    '/user-data/persistent/x',
  ])('%j is fine', (path) => {
    expect(pathFault(path)).toBeUndefined();
  });
});
