import { describe, expect, it } from 'vitest';
import { boot, EXIT } from '../../../src/boot/boot.ts';
import { createDisk, userDataDisk } from '../../fixtures/disks/disk.ts';
import { DEBIAN_TREE } from '../../fixtures/image/image.ts';
import { bootHost } from '../../fixtures/machine.ts';

const DEVICE = '/dev/watchdog0';
const DROP_IN = '/run/systemd/system.conf.d/50-statectl-watchdog.conf';
const { '/usr/lib/systemd/systemd': _systemd, ...WITHOUT_SYSTEMD } = DEBIAN_TREE;

const machine = (watchdog: string, { commandLine = 'root=LABEL=system', tree = DEBIAN_TREE } = {}) =>
  bootHost({
    commandLine,
    disks: [createDisk({ name: 'vda1', label: 'system', files: tree }), userDataDisk()],
    files: {
      [DEVICE]: '',
      '/sys/class/watchdog/watchdog0/identity': 'i6300ESB timer\n',
      '/sys/class/watchdog/watchdog0/bootstatus': '0\n',
    },
    programs: { watchdog: () => '' },
    config: { 'system/boot.conf': `watchdog: ${watchdog}\n` },
  });

describe('the hardware watchdog of a machine that boots', () => {
  it('runs over the switch where systemd feeds it', async () => {
    const host = machine('60s');
    expect(await boot(host)).toBe(EXIT.handOver);
    expect(await host.files.readText(DEVICE)).toMatch(/^\0+$/);
    expect(await host.files.readText(DROP_IN)).toContain('RuntimeWatchdogSec=60');
  });

  it('is closed before the switch where nothing in the system would feed it', async () => {
    const host = machine('60s', {
      tree: { ...WITHOUT_SYSTEMD, '/usr/sbin/init': { data: 'ELF', mode: 0o755 } } as typeof DEBIAN_TREE,
    });
    expect(await boot(host)).toBe(EXIT.handOver);
    expect(await host.files.readText(DEVICE)).toMatch(/^\0+V$/);
  });

  it('is closed when the boot fails: a person may take all the time there is', async () => {
    const host = machine('60s', { commandLine: 'root=LABEL=system init=/nowhere' });
    expect(await boot(host)).toBe(EXIT.rescue);
    expect(await host.files.readText(DEVICE)).toMatch(/^\0+V$/);
  });

  it('is left alone where boot.conf does not want it', async () => {
    const host = machine('off');
    expect(await boot(host)).toBe(EXIT.handOver);
    expect(await host.files.readText(DEVICE)).toBe('');
    expect(await host.files.stat(DROP_IN)).toBeUndefined();
  });
});
