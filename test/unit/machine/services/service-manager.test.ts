import { describe, expect, it } from 'vitest';
import type { Seed } from '../../../../src/host/memory/seed.ts';
import { memoryHost } from '../../../../src/host/memory.ts';
import { IMAGE_MOUNT } from '../../../../src/machine/paths.ts';
import { findServiceManager } from '../../../../src/machine/services/service-manager.ts';

const find = (tree: Record<string, Seed>) =>
  findServiceManager(
    memoryHost({ files: Object.fromEntries(Object.entries(tree).map(([path, seed]) => [IMAGE_MOUNT + path, seed])) }),
  );

const SYSTEMD = { '/usr/lib/systemd/systemd': '' };
const OPENRC = { '/usr/sbin/openrc-run': '', '/sbin': { target: '/usr/sbin' } };

describe('the service manager of an image', () => {
  it('is the one whose program it has, if any', async () => {
    expect(await find({ '/sbin/init': '' })).toEqual({});
    expect(await find(SYSTEMD)).toEqual({ serviceManager: 'systemd' });
    expect(await find({ '/lib/systemd/systemd': '' })).toEqual({ serviceManager: 'systemd' });
    expect(await find(OPENRC)).toEqual({ serviceManager: 'openrc' });
  });

  it('is neither’s where sysvinit is the init, although a Debian has the programs of systemd too', async () => {
    const sysvinit = { '/sbin/init': '', '/etc/inittab': 'id:2:initdefault:\n' };
    expect(await find({ ...SYSTEMD, ...sysvinit })).toEqual({});
    // A wrapper that starts systemd is no sysvinit.
    expect(await find({ ...SYSTEMD, '/sbin/init': '#!/bin/sh\n' })).toEqual({ serviceManager: 'systemd' });
  });

  it('is the one that its init is of, where it has the programs of both', async () => {
    const both = { ...SYSTEMD, ...OPENRC };
    expect(await find({ ...both, '/usr/sbin/init': '' })).toEqual({ serviceManager: 'openrc' });
    expect(await find({ ...both, '/usr/sbin/init': { target: '/usr/lib/systemd/systemd' } })).toEqual({
      serviceManager: 'systemd',
    });
    expect(await find({ ...both, '/usr/sbin/init': { target: '../lib/systemd/systemd' } })).toEqual({
      serviceManager: 'systemd',
    });
  });
});
