import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type FirstTimeUser, firstTimeUser } from '../fixtures/reader/first-time-user.ts';
import { Guide } from '../fixtures/reader/guide.ts';

const guide = new Guide('docs/start/first-boot.md', import.meta.url);
const readme = new Guide('README.md', import.meta.url);

describe('a first-time user who follows docs/start/first-boot.md', () => {
  let user: FirstTimeUser;
  let clone: string;

  beforeAll(async () => {
    user = await firstTimeUser();
    clone = await user.clone(guide.command('git clone'));
  });
  afterAll(() => user[Symbol.asyncDispose]());

  test('is told the same by the README', () => {
    for (const start of ['git clone', 'sudo npm start']) expect(readme.command(start)).toBe(guide.command(start));
  });

  test('sees a machine boot, and what it is from inside', async () => {
    const { all } = await user.start(guide.command('sudo npm start'), clone);
    expect(all).toMatch(/start: the system is up, [\d.]+ s after power-on/);
    expect(all).toMatch(/# findmnt -no SOURCE,FSTYPE,OPTIONS \/\n\S+ +(?:squashfs|overlay) +ro,/);
    expect(all).toMatch(/You are on a machine that keeps nothing[^]*kept at a reboot/);
    expect(all).not.toMatch(/initramfs ready/);
  });

  test('watches its console', async () => {
    const { all } = await user.start(guide.command('sudo npm start -- --log'), clone);
    expect(all).toMatch(/initramfs ready[^]*start: the system is up[^]*kept at a reboot/);
  });

  test('stays in the machine, as root, until Ctrl-A X', async () => {
    const started = user.start(guide.command('sudo npm start -- --console'), clone);
    const shown = async (pattern: RegExp) => {
      for (let text = ''; !pattern.test(text); text += String((await once(started.stdout, 'data'))[0]));
    };
    await shown(/start: you are root/);
    await shown(/root@\S+# /);
    started.stdin.write('echo I am $(id -un); statectl status --no-changes\n');
    await shown(/I am root\r?\n[^]*kept at a reboot/);
    started.stdin.write('\x01x');
    expect((await started).exitCode).toBe(0);
  });

  test('is told at once where the PC has no KVM, and where qemu does not start at all', async () => {
    const refusal = async (command: string) => {
      const { exitCode, all } = await user.start(command, clone).catch((error) => error);
      expect(exitCode).toBe(1);
      return all;
    };
    // This PC may have it.
    const masked = `mount --bind /dev/null /dev/kvm 2>/dev/null || true; ${guide.command('sudo npm start -- --kvm')}`;
    expect(await refusal(`exec unshare --mount sh -ec '${masked}'`)).toMatch(/kvm[^]*\nstart: .*qemu ended/i);
    await user.plant('qemu-system-x86_64', 'exit 3');
    for (const start of ['sudo npm start', 'sudo npm start -- --console'])
      expect(await refusal(guide.command(start))).toMatch(/\nstart: .*qemu ended.*\n→ `npm start -- --log`/);
    await rm(join(user.bin, 'qemu-system-x86_64'));
  });

  test.each([
    ['sudo npm test', 'test/unit/name-pattern', /^[1-9]\d* passed, 0 failed, 0 skipped$/m],
    ['sudo npm run test:long', 'test/unit/name-pattern', /^[1-9]\d* passed, 0 failed, 0 skipped$/m],
    ['npm run test:fast', 'test/unit/name-pattern', /^[1-9]\d* passed, 0 failed, 0 skipped$/m],
    ['npm run fuzz', '--seconds 5', /^seed \d+: 0 finds$/m],
    ['npm run mutate', 'src/protocol/machine-name.ts', /^[1-9]\d* killed, \d+ survived$/m],
    // A boot of each takes half an hour: that much of it is said, and test/unit/bench looks at the rest.
    ['sudo npm run bench', '--help', /--rounds N/],
  ])('finds that it does what it says, here with less to do: %s', async (start, words, said) => {
    const command = guide.command(start).replace(' -- FILE…', '');
    const { all } = await user.start(`${command} -- ${words}`, clone);
    expect(all).toMatch(said);
  });

  test('has typed every command that typed-commands.ts says of this file', () => {
    expect([...guide.untyped, ...readme.untyped]).toEqual([]);
  });
});
