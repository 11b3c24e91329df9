import { execFileSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import type { InstallFacts } from '../../../../src/machine/facts/system-facts.ts';
import { isFedBySystem, planWatchdog, wantedWatchdog } from '../../../../src/machine/watchdog/plan-watchdog.ts';
import { createFacts } from '../../../fixtures/facts.ts';

const INSTALL: InstallFacts = {
  ...{ machineId: '0', machineIdOrigin: 'random', usesNetworkd: false, usesIfupdown: false, hasResolvConf: 'missing' },
};
const HARDWARE = { device: '/dev/watchdog1', name: 'i6300ESB timer' };
const facts = (watchdog: 'off' | number, hardware: typeof HARDWARE | undefined = HARDWARE) =>
  createFacts({ config: { boot: { watchdog } }, machine: { ...(hardware && { watchdog: hardware }) } });

describe('the watchdog of a machine', () => {
  it.each([
    ['runs where boot.conf says so', facts(60_000), { device: '/dev/watchdog1', timeoutMs: 60_000 }],
    ['is left alone where it says nothing', facts('off'), undefined],
    ['is none where the machine has none', createFacts({ config: { boot: { watchdog: 60_000 } } }), undefined],
    ['is not known yet where the boot failed before it looked', {}, undefined],
  ])('%s', (_title, known, wanted) => {
    expect(wantedWatchdog(known)).toEqual(wanted);
  });

  it.each([
    ['systemd', 'writable', true],
    ['systemd', 'read-only', true],
    ['openrc', 'writable', true],
    ['openrc', 'read-only', false],
    [undefined, 'writable', false],
    [undefined, 'read-only', false],
  ] as const)('of a system with %s, whose /etc is %s, is fed there: %s', (serviceManager, etc, isFed) => {
    const install = serviceManager ? { ...INSTALL, serviceManager } : INSTALL;
    expect(isFedBySystem(install, etc)).toBe(isFed);
    expect(planWatchdog(facts(60_000), install, etc).length > 0).toBe(isFed);
    expect(planWatchdog(facts('off'), install, etc)).toEqual([]);
  });

  it('is fed by systemd itself, which is told the device and the time', () => {
    const steps = planWatchdog(facts(90_500), { ...INSTALL, serviceManager: 'systemd' }, 'read-only');
    expect(steps.at(-1)).toEqual({
      kind: 'write',
      path: '/run/systemd/system.conf.d/50-statectl-watchdog.conf',
      content: '# Made by statectl at boot.\n[Manager]\nRuntimeWatchdogSec=91\nWatchdogDevice=/dev/watchdog1\n',
    });
  });

  it('is fed by a script that closes it when it is stopped, and by nobody when that is killed', () => {
    const steps = planWatchdog(facts(10_000), { ...INSTALL, serviceManager: 'openrc' }, 'writable');
    const [feeder = '', script = ''] = steps.flatMap((step) => (step.kind === 'write' ? [step.content] : []));
    execFileSync('sh', ['-n'], { input: script });
    const device = execFileSync('mktemp', { encoding: 'utf8' }).trim();
    const run = (signal: string) =>
      execFileSync('sh', [
        '-c',
        `: >${device}; sh -c "$1" >/dev/null & until [ -s ${device} ]; do :; done; kill -${signal} $!; wait $! 2>/dev/null; cat ${device}`,
        'sh',
        feeder.replaceAll('/dev/watchdog1', device),
      ]).toString();
    expect(run('TERM')).toBe('.V');
    expect(run('KILL')).toBe('.');
    execFileSync('rm', [device]);
  });
});
