import { execFileSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import type { Facts } from '../../../../../src/machine/facts/facts.ts';
import type { InstallFacts } from '../../../../../src/machine/facts/system-facts.ts';
import { cacheFaults, cachesOf, planCache } from '../../../../../src/machine/services/printers/cache-service.ts';
import { planPrinters } from '../../../../../src/machine/state/plan-printers.ts';
import { createFacts } from '../../../../fixtures/facts.ts';
import { GCODE_ITEM } from '../../../../fixtures/state/printer-item.ts';

function factsOf(kernelRelease: string, restart: 'resume' | 'pause' | undefined, serviceManager = 'systemd'): Facts {
  const facts = createFacts();
  const item = { ...GCODE_ITEM, ...(restart && { cache: { restart } }), uid: 1000, gid: 1000 };
  return {
    ...facts,
    machine: { ...facts.machine, kernelRelease },
    system: {
      ...facts.system,
      install: { ...facts.system.install, serviceManager } as InstallFacts,
      printers: { boot: 'b', printers: [{ name: 'voron', items: [item] }] },
    },
  };
}
const SERVICE = 'statectl-cache-voron-gcodes';

describe('a cache', () => {
  it.each([
    ['6.12.1', 'resume', true],
    ['6.1.0-31-amd64', 'resume', false],
    ['6.1.0-31-amd64', 'pause', true],
  ] as const)('on Linux %s with restart: %s is shown: %s', (kernel, restart, isShown) => {
    const facts = factsOf(kernel, restart);
    expect(cachesOf(facts).map(({ service }) => service)).toEqual(isShown ? [SERVICE] : []);
    expect(cacheFaults(facts).length).toBe(isShown ? 0 : 1);
  });

  it('says what to do where the kernel is too old', () => {
    expect(cacheFaults(factsOf('6.1.0', 'resume'))).toEqual([
      'voron: /home/pi/printer_data/gcodes is kept as a mirror: a cache needs Linux 6.9, this is 6.1.0: `kind: mirror`, or `restart: pause`, where a read is interrupted (EINTR) when the process that shows the folder ends',
    ]);
  });

  it('is none where config.d has a mirror, or nobody would start it', () => {
    expect(cachesOf(factsOf('6.12.1', undefined))).toEqual([]);
    expect(cacheFaults(factsOf('6.12.1', undefined))).toEqual([]);
    expect(cachesOf(factsOf('6.12.1', 'resume', 'sysv'))).toEqual([]);
  });

  it.each([
    ['6.12.1', true],
    ['6.1.0', false],
  ])('is restored as what it is on Linux %s', (kernel, isCache) => {
    const steps = planPrinters(factsOf(kernel, 'resume'));
    expect(steps.map((step) => step.kind === 'restore-printer' && step.items.map((item) => 'cache' in item))).toEqual([
      [isCache],
    ]);
  });

  it('has a mark by which Moonraker waits, and a script that a shell reads, before its service', () => {
    const [cache] = cachesOf(factsOf('6.12.1', 'resume'));
    const steps = cache ? planCache(cache, 'systemd') : [];
    expect(steps.map((step) => ('path' in step ? step.path : step.kind))).toEqual([
      ...['/run/statectl/state/voron', '/run/statectl/state/voron/gcodes.cache.loading'],
      ...[`/run/statectl/${SERVICE}.sh`, `/run/systemd/system/${SERVICE}.service`],
      ...['', `/${SERVICE}.service`].map((name) => `/run/systemd/system/multi-user.target.wants${name}`),
    ]);
    for (const step of steps)
      if (step.kind === 'write' && step.path.endsWith('.sh')) execFileSync('sh', ['-n'], { input: step.content });
    const openrc = cache ? planCache(cache, 'openrc') : [];
    expect(openrc.at(-1)).toMatchObject({ kind: 'symlink', path: `/etc/runlevels/default/${SERVICE}` });
  });
});
