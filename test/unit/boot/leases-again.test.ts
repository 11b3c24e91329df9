import { describe, expect, it } from 'vitest';
import { forgetLeases } from '../../../src/boot/leftovers.ts';
import { memoryHost } from '../../../src/host/memory.ts';
import { LEASES } from '../../../src/machine/paths.ts';

const machine = () => memoryHost({ files: { [`${LEASES}/eth0`]: 'address=10.0.2.15\n' } });

describe('the address that an earlier try got', () => {
  it('is asked for again when the network phase runs again', async () => {
    const host = machine();
    await forgetLeases(host, 'devices');
    expect(await host.files.list(LEASES)).toEqual([]);
  });

  it('stays when a later phase is tried again', async () => {
    const host = machine();
    await forgetLeases(host, 'bundle');
    expect(await host.files.list(LEASES)).toEqual(['eth0']);
  });
});
