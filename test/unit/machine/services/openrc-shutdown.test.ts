import { describe, expect, it } from 'vitest';
import type { InstallFacts } from '../../../../src/machine/facts/system-facts.ts';
import { planInstall } from '../../../../src/machine/install/plan-install.ts';
import { createFacts } from '../../../fixtures/facts.ts';

const pathsFor = (serviceManager: InstallFacts['serviceManager'], changes: Parameters<typeof createFacts>[0] = {}) => {
  const facts = createFacts(changes);
  return planInstall({
    ...facts,
    system: { install: { ...(facts.system.install as InstallFacts), ...(serviceManager && { serviceManager }) } },
  })
    .flatMap((step) => ('path' in step ? [step.path] : []))
    .filter((path) => path.includes('statectl-disks'));
};

describe('the way down of a system whose services are OpenRC’s', () => {
  it('ends with disks that nobody writes to any more', () => {
    expect(pathsFor('openrc')).toEqual(['/etc/init.d/statectl-disks', '/etc/runlevels/shutdown/statectl-disks']);
  });

  it('is left to systemd, and to others; and to the image where /etc is read-only', () => {
    expect(pathsFor('systemd')).toEqual([]);
    expect(pathsFor(undefined)).toEqual([]);
    expect(pathsFor('openrc', { config: { overlays: {} } })).toEqual([]);
  });
});
