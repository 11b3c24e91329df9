import { describe, expect, it } from 'vitest';
import type { InstallFacts } from '../../../../src/machine/facts/system-facts.ts';
import { planInstall } from '../../../../src/machine/install/plan-install.ts';
import { createFacts } from '../../../fixtures/facts.ts';

type Changes = Parameters<typeof createFacts>[0];
type Manager = Pick<InstallFacts, 'serviceManager' | 'unmounting'>;

const planned = (manager: Manager, changes: Changes = {}) => {
  const facts = createFacts(changes);
  const install = { ...(facts.system.install as InstallFacts), ...manager };
  return planInstall({ ...facts, system: { install } }).flatMap((step) =>
    'path' in step && /statectl-(disks|stopping)|umount|sendsigs/.test(step.path)
      ? [[step.path, 'content' in step ? String(step.content) : ''] as const]
      : [],
  );
};
const pathsFor = (manager: Manager, changes: Changes = {}) => planned(manager, changes).map(([path]) => path);

const HEADER = `### BEGIN INIT INFO
# Provides:          umountfs
# Required-Stop:     umountroot
### END INIT INFO`;
const SYSV = { unmounting: { 'umountnfs.sh': HEADER, umountfs: HEADER } };
const READ_ONLY = { config: { overlays: {} } };

describe('the way down, by whoever starts the services', () => {
  it('is systemd’s own, which leaves evidence after services and before file systems, also where /etc is read-only', () => {
    const unit = '/run/systemd/system/statectl-stopping.service';
    const wanted = '/run/systemd/system/sysinit.target.wants/statectl-stopping.service';
    expect(pathsFor({ serviceManager: 'systemd' })).toEqual([unit, wanted]);
    expect(pathsFor({ serviceManager: 'systemd' }, READ_ONLY)).toEqual([unit, wanted]);
    const [, text] = planned({ serviceManager: 'systemd' })[0] ?? [];
    expect(text).toMatch(/^After=local-fs\.target user-data\.mount$[^]*^Before=sysinit\.target shutdown\.target$/m);
  });

  it('ends under OpenRC with disks that nobody writes to any more, before which it leaves evidence', () => {
    expect(pathsFor({ serviceManager: 'openrc' })).toEqual([
      '/etc/init.d/statectl-stopping',
      '/etc/runlevels/boot/statectl-stopping',
      '/etc/init.d/statectl-disks',
      '/etc/runlevels/shutdown/statectl-disks',
    ]);
  });

  it('is taken from the scripts of sysvinit that unmount, in their order', () => {
    const [[nfs, within] = ['', ''], [local, disks] = ['', '']] = planned(SYSV);
    expect([nfs, local]).toEqual(['/etc/init.d/umountnfs.sh', '/etc/init.d/umountfs']);
    expect(within).toContain(`#!/bin/sh\n${HEADER}\n`);
    expect(within).toContain('within /run/statectl/image/etc/init.d/umountnfs.sh stop');
    expect(disks).toContain(`#!/bin/sh\n${HEADER}\n`);
    expect(disks).toContain('exec /bin/sh /run/initramfs/stopping disks $action');
  });

  it('is left to the image where nobody is known, or where /etc is read-only', () => {
    expect(pathsFor({})).toEqual([]);
    expect(pathsFor({ serviceManager: 'openrc', ...SYSV }, READ_ONLY)).toEqual([]);
    expect(pathsFor(SYSV, READ_ONLY)).toEqual([]);
  });

  it('leaves the scripts of sysvinit alone where systemd or OpenRC is', () => {
    expect(pathsFor({ serviceManager: 'systemd', ...SYSV }).join()).not.toContain('umount');
    expect(pathsFor({ serviceManager: 'openrc', ...SYSV }).join()).not.toContain('umount');
  });
});
