import { execFileSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { planLogs } from '../../../../src/machine/services/logs-service.ts';
import { createFacts } from '../../../fixtures/facts.ts';

const INSTALL = {
  machineId: '0',
  machineIdOrigin: 'random',
  usesNetworkd: false,
  usesIfupdown: false,
  hasResolvConf: 'missing',
} as const;

const disk = (label: string) => ({ source: `LABEL=${label}`, type: 'auto', options: [], missing: 'ignore' }) as const;
const facts = (fstab: Record<string, ReturnType<typeof disk>>, log = {}, labels = Object.keys(fstab)) =>
  createFacts({
    root: { blocks: labels.map((label, index) => ({ device: `/dev/vd${index}`, type: 'ext4', label })) },
    config: { fstab, log },
  });
const BOTH = { '/user-data': disk('/user-data'), '/boot': disk('/boot') };

const written = (steps: ReturnType<typeof planLogs>): string =>
  steps.flatMap((step) => (step.kind === 'write' ? [step.content] : [])).join('');

describe('what keeps the logs of a system that stops', () => {
  it.each([
    ['on /user-data', BOTH, {}, 'user\\x2ddata.mount'],
    ['on /boot where log.conf says so', BOTH, { to: '/boot/logs' }, 'boot.mount'],
    ['on /boot where that is the only disk', { '/boot': disk('/boot') }, {}, 'boot.mount'],
    ['on a disk with a strange name', { '/srv/a b': disk('/srv/a b') }, { to: '/srv/a b/c' }, 'srv-a\\x20b.mount'],
  ])('is a unit that stops while its disk is there: %s', (_title, fstab, log, unitOfDisk) => {
    const unit = written(planLogs(facts(fstab, log), { ...INSTALL, serviceManager: 'systemd' }, 'read-only'));
    expect(unit).toContain(`\nAfter=${unitOfDisk} local-fs.target `);
    expect(unit).toContain('\nExecStop=-/run/statectl/rt/statectl logs keep\n');
  });

  it('is nothing where no disk is there, nor where nothing is to be kept', () => {
    const systemd = { ...INSTALL, serviceManager: 'systemd' } as const;
    expect(planLogs(facts(BOTH, {}, []), systemd, 'writable')).toEqual([]);
    expect(planLogs(facts(BOTH, { keep: 0 }), systemd, 'writable')).toEqual([]);
    expect(planLogs(facts({ '/boot': { ...disk('/boot'), options: ['ro'] as never } }), systemd, 'writable')).toEqual(
      [],
    );
  });

  it('is a service of OpenRC that begins before loggers, and never holds the way down up', () => {
    const openrc = { ...INSTALL, serviceManager: 'openrc' } as const;
    const script = written(planLogs(facts(BOTH), openrc, 'writable'));
    execFileSync('sh', ['-n'], { input: script });
    expect(script).toContain('before logger');
    const stop = `ebegin() { :; }; eend() { return $1; }\n${script}\nstop\n`;
    expect(() => execFileSync('sh', ['-c', stop])).not.toThrow();
    expect(planLogs(facts(BOTH), openrc, 'read-only')).toEqual([]);
    expect(planLogs(facts(BOTH), INSTALL, 'writable')).toEqual([]);
  });
});
