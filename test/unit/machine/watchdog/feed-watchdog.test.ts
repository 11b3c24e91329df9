import { describe, expect, it } from 'vitest';
import { memoryHost } from '../../../../src/host/memory.ts';
import { feedWatchdog } from '../../../../src/machine/watchdog/feed-watchdog.ts';

const DEVICE = '/dev/watchdog0';
const MARK = '/run/initramfs/watchdog';

function machine(timeout?: string) {
  const host = memoryHost({
    files: {
      [DEVICE]: '',
      '/proc': { type: 'dir' },
      '/run/initramfs': { type: 'dir' },
      ...(timeout !== undefined && { '/sys/class/watchdog/watchdog0/timeout': timeout }),
    },
    programs: { watchdog: () => '' },
  });
  return Object.assign(host, { fed: () => host.files.readText(DEVICE) });
}

describe('a watchdog that is fed', () => {
  it('has its time said by busybox, and gets a sign four times in it, as long as the boot goes on', async () => {
    const host = machine('60\n');
    const watchdog = await feedWatchdog(host, DEVICE, 60_000);
    expect(host.commands).toEqual(['watchdog -F -T 60 -t 60 /dev/watchdog0']);
    expect(await host.files.readText(MARK)).toBe(`${DEVICE}\n`);
    for (let minute = 0; minute < 60; minute += 1) {
      await host.clock.sleep(60_000);
      watchdog.sign();
    }
    expect((await host.fed()).length).toBeGreaterThanOrEqual(240);
    await watchdog.leave('running');
  });

  it('gets one in time for hardware that can wait no longer than so', async () => {
    const host = machine('16\n');
    const watchdog = await feedWatchdog(host, DEVICE, 60_000);
    await host.clock.sleep(60_000);
    expect((await host.fed()).length).toBeGreaterThanOrEqual(15);
    await watchdog.leave('closed');
  });

  it('gets none any more once the boot hangs in one thing for half an hour, and the machine is reset', async () => {
    const host = machine();
    await feedWatchdog(host, DEVICE, 60_000);
    await host.clock.sleep(30 * 60_000);
    const then = await host.fed();
    await host.clock.sleep(60 * 60_000);
    expect(await host.fed()).toBe(then);
  });

  it('is fed as long as a disk has work: a check of a large one, or a copy, says nothing for hours', async () => {
    const host = machine();
    const watchdog = await feedWatchdog(host, DEVICE, 60_000);
    for (let minute = 0; minute < 120; minute += 20) {
      await host.files.write('/proc/diskstats', `254 0 vda ${minute}\n`);
      await host.clock.sleep(20 * 60_000);
    }
    expect((await host.fed()).length).toBeGreaterThanOrEqual(4 * 120);
    await watchdog.leave('closed');
  });

  it('is fed as long as a person has the shell of a breakpoint', async () => {
    const host = machine();
    const watchdog = await feedWatchdog(host, DEVICE, 60_000);
    await watchdog.whileWaiting(() => host.clock.sleep(5 * 60 * 60_000));
    expect((await host.fed()).length).toBeGreaterThanOrEqual(20 * 60);
    await watchdog.leave('closed');
  });

  it('runs on when it is left to the system, and is stopped by V where nobody would feed it', async () => {
    for (const [how, end] of [
      ['running', /^\0+$/],
      ['closed', /^\0+V$/],
    ] as const) {
      const host = machine();
      const watchdog = await feedWatchdog(host, DEVICE, 60_000);
      await watchdog.leave(how);
      await host.clock.sleep(60 * 60_000);
      expect(await host.fed()).toMatch(end);
      expect((await host.files.stat(MARK)) !== undefined).toBe(how === 'running');
    }
  });

  it('is another’s where somebody feeds it already: nothing of this boot says it were ours', async () => {
    const host = machine();
    const files = { ...host.files, appendStream: async () => Promise.reject(new Error('EBUSY')) };
    await expect(feedWatchdog({ ...host, files }, DEVICE, 60_000)).rejects.toThrow('EBUSY');
    expect(await host.files.stat(MARK)).toBeUndefined();
  });
});
