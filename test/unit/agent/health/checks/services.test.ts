import { describe, expect, it } from 'vitest';
import { serviceChecks } from '../../../../../src/agent/health/checks/service-checks.ts';
import { systemCheck } from '../../../../../src/agent/health/checks/system-check.ts';
import { goingDown } from '../../../../../src/agent/health/going-down.ts';
import type { Programs } from '../../../../../src/host/memory/exec.ts';
import type { Seed } from '../../../../../src/host/memory/seed.ts';
import { memoryHost } from '../../../../../src/host/memory.ts';

const SIGNAL = new AbortController().signal;
const RUNS = 'LoadState=loaded\nActiveState=active\nSubState=running\nType=simple\nResult=success\nInvocationID=aa11';

/** `systemctl show` of units that are said here; all others are not there. */
const systemd = (units: Readonly<Record<string, string>>, more: Programs = {}): Programs => ({
  systemctl: (argv, ...rest) =>
    argv[1] === 'show'
      ? argv
          .slice(argv.indexOf('--') + 1)
          .map((name) => units[name] ?? 'LoadState=not-found\nActiveState=inactive\nSubState=dead')
          .join('\n\n')
      : more.systemctl?.(argv, ...rest),
});

describe('a service of update.health under systemd', () => {
  const looked = async (text: string) => {
    const host = memoryHost({ programs: systemd({ 'klipper.service': text }) });
    const [found] = await serviceChecks(host, 'systemd', { services: ['klipper'], units: [] }, SIGNAL);
    return found;
  };

  it.each([
    ['runs', RUNS],
    ['reads its settings again', RUNS.replace('ActiveState=active', 'ActiveState=reloading')],
    [
      'did its work and ended',
      'LoadState=loaded\nActiveState=inactive\nSubState=dead\nType=oneshot\nResult=success\nInactiveEnterTimestampMonotonic=4711',
    ],
  ])('that %s is good', async (_, text) => expect((await looked(text))?.why).toBeUndefined());

  it.each([
    ['is not there', 'LoadState=not-found\nActiveState=inactive\nSubState=dead', 'the system has no such unit'],
    ['is masked', 'LoadState=masked\nActiveState=inactive\nSubState=dead', 'it is masked'],
    ['has a unit file that systemd refuses', 'LoadState=bad-setting\nActiveState=inactive', 'it is bad-setting'],
    ['failed', 'LoadState=loaded\nActiveState=failed\nSubState=failed\nResult=exit-code', 'it is failed (exit-code)'],
    [
      'is started again and again',
      'LoadState=loaded\nActiveState=activating\nSubState=auto-restart\nResult=success',
      'it is activating (auto-restart)',
    ],
    [
      'was never started',
      'LoadState=loaded\nActiveState=inactive\nSubState=dead\nType=simple\nResult=success',
      'it is inactive',
    ],
    [
      'is a oneshot that never ran',
      'LoadState=loaded\nActiveState=inactive\nSubState=dead\nType=oneshot\nResult=success\nInactiveEnterTimestampMonotonic=0',
      'it is inactive',
    ],
  ])('that %s is not', async (_, text, why) => expect((await looked(text))?.why).toBe(why));

  it('is known again by its run; one that a timer starts is not', async () => {
    expect(await looked(RUNS)).toEqual({ name: 'service klipper', need: 'required', run: 'aa11' });
    expect((await looked(RUNS.replace('simple', 'oneshot')))?.run).toBeUndefined();
  });

  it('and its units are asked for at once, by the names that systemd has', async () => {
    const host = memoryHost({ programs: systemd({ 'klipper.service': RUNS, 'data.mount': RUNS }) });
    const wanted = { services: ['klipper', 'nginx'], units: ['data.mount'] };
    const found = await serviceChecks(host, 'systemd', wanted, SIGNAL);
    expect(found.map(({ name, why }) => `${name}: ${why ?? 'good'}`)).toEqual([
      'service klipper: good',
      'service nginx: the system has no such unit',
      'unit data.mount: good',
    ]);
    expect(host.commands).toEqual([expect.stringMatching(/ -- klipper\.service nginx\.service data\.mount$/)]);
  });

  it('that systemd refuses by its name spoils no other', async () => {
    const host = memoryHost({
      programs: {
        systemctl: (argv) => {
          const units = argv.slice(argv.indexOf('--') + 1);
          const refused = units.findIndex((unit) => unit.includes('@.'));
          const stdout = Array(refused < 0 ? units.length : refused)
            .fill(RUNS)
            .join('\n\n');
          const stderr = 'Failed to get properties: Unit name weird@.service is no unit name.\n';
          return refused < 0 ? stdout : { exitCode: 1, stdout, stderr };
        },
      },
    });
    const found = await serviceChecks(host, 'systemd', { services: ['a', 'weird@', 'b'], units: [] }, SIGNAL);
    expect(found.map(({ why }) => why ?? 'good')).toEqual([
      'good',
      'systemd does not say: Failed to get properties: Unit name weird@.service is no unit name.',
      'good',
    ]);
  });

  it.each<[string, Programs]>([
    ['is not there', {}],
    ['says nothing', { systemctl: () => '' }],
    ['hangs', { systemctl: () => ({ tookMs: Number.POSITIVE_INFINITY }) }],
    ['says something else', { systemctl: () => ({ exitCode: 1, stderr: 'Failed to connect to bus\n' }) }],
  ])('is not good where systemctl %s', async (_, programs) => {
    const wanted = { services: ['a', 'b'], units: [] };
    for (const { why } of await serviceChecks(memoryHost({ programs }), 'systemd', wanted, SIGNAL))
      expect(why).toContain('systemd does not say: ');
  });
});

describe('a service of update.health under OpenRC', () => {
  const looked = async (answer: { exitCode: number; stdout?: string; stderr?: string }, files = {}) => {
    const host = memoryHost({ programs: { 'rc-service': () => answer }, files });
    return (await serviceChecks(host, 'openrc', { services: ['klipper'], units: [] }, SIGNAL))[0];
  };

  it('is good that is started, and known again by its process', async () => {
    const files = { '/run/openrc/options/klipper/child_pid': '4711\n' };
    const started = { exitCode: 0, stdout: ' * status: started\n' };
    expect(await looked(started, files)).toEqual({ name: 'service klipper', need: 'required', run: '4711' });
    expect(await looked(started)).toEqual({ name: 'service klipper', need: 'required' });
  });

  it('is not good that is stopped, crashed or not there; colours are no part of why', async () => {
    expect((await looked({ exitCode: 3, stdout: '\u001b[31;01m * \u001b[0mstatus: stopped\n' }))?.why).toBe(
      'status: stopped',
    );
    expect((await looked({ exitCode: 32, stdout: ' * status: crashed\n' }))?.why).toBe('status: crashed');
    const missing = { exitCode: 1, stderr: " * rc-service: service `klipper' does not exist\n" };
    expect((await looked(missing))?.why).toBe("rc-service: service `klipper' does not exist");
  });
});

describe('a system of systemd has started', () => {
  const reached = 'LoadState=loaded\nActiveState=active\nSubState=active';
  const complete = 'LoadState=loaded\nActiveState=inactive\nSubState=dead\nRequires=check.service';
  const units: Record<string, string> = {};
  const looks = async (changes: readonly Readonly<Record<string, string>>[], jobs = '') => {
    for (const name of Object.keys(units)) delete units[name];
    const host = memoryHost({
      programs: systemd(units, { systemctl: (argv) => (argv[1] === 'list-jobs' ? jobs : undefined) }),
    });
    const check = systemCheck(host, 'systemd', 'default');
    const whys: (string | undefined)[] = [];
    for (const change of changes) {
      Object.assign(units, change);
      whys.push((await check(SIGNAL)).why);
      await host.clock.sleep(5_000);
    }
    return { whys, starts: host.commands.filter((line) => line.includes(' start ')) };
  };

  it('when multi-user.target is reached and boot-complete.target, which is started for it', async () => {
    const { whys, starts } = await looks([
      { 'multi-user.target': reached, 'boot-complete.target': complete },
      { 'boot-complete.target': reached },
    ]);
    expect(whys).toEqual(['boot-complete.target is not reached: it is being started', undefined]);
    expect(starts).toEqual(['systemctl start --no-block boot-complete.target']);
  });

  it('not as long as something is being started, which is named', async () => {
    const jobs = '12 multi-user.target start waiting\n14 slow.service start running\n';
    const { whys, starts } = await looks([{ 'multi-user.target': reached.replace('=active', '=inactive') }], jobs);
    expect(whys).toEqual(['multi-user.target is not reached: slow.service is still being started']);
    expect(starts).toEqual([]);
  });

  it('not when a check that somebody ordered before boot-complete.target failed, and that is not run every few seconds', async () => {
    const failed = 'LoadState=loaded\nActiveState=failed\nSubState=failed\nResult=exit-code';
    const looked = { 'multi-user.target': reached, 'boot-complete.target': complete, 'check.service': failed };
    const { whys, starts } = await looks(Array(14).fill(looked));
    expect(whys[1]).toBe('boot-complete.target is not reached: check.service: it is failed (exit-code)');
    expect(starts).toHaveLength(2);
  });

  it('without boot-complete.target where systemd has none', async () => {
    expect((await looks([{ 'multi-user.target': reached }])).whys).toEqual([undefined]);
  });
});

it.each<[Readonly<Record<string, Seed>>, string | undefined]>([
  [{ '/run/openrc/softlevel': 'default\n' }, undefined],
  [
    { '/run/openrc/softlevel': 'default\n', '/run/openrc/rc.starting': { type: 'dir' } },
    'services of the runlevel default are still being started',
  ],
  [{ '/run/openrc/softlevel': 'boot\n' }, 'the runlevel is boot, not default'],
  [{}, 'the runlevel is none yet, not default'],
])('a system of OpenRC with %j has started: %s', async (files, why) => {
  expect((await systemCheck(memoryHost({ files }), 'openrc', 'default')(SIGNAL)).why).toBe(why);
});

describe('a system ends', () => {
  const stopping = (jobs: string, failed: Readonly<Record<string, string>> = {}) =>
    memoryHost({
      programs: systemd(failed, {
        systemctl: (argv) => {
          if (argv[1] === 'is-system-running') return { exitCode: 1, stdout: 'stopping\n' };
          if (argv[1] === 'list-jobs') return jobs;
          return Object.keys(failed)
            .map((name) => `${name} loaded failed failed It\n`)
            .join('');
        },
      }),
    });

  it('by who asked for it', async () => {
    const jobs = '300 reboot.target start waiting\n301 statectl-agent.service stop running\n';
    expect(await goingDown(stopping(jobs), 'systemd', SIGNAL)).toEqual({ kind: 'asked', by: 'reboot.target' });
    expect(await goingDown(stopping(''), 'systemd', SIGNAL)).toEqual({ kind: 'asked', by: 'shutdown.target' });
  });

  it.each([
    ['FailureAction=reboot', 'FailureAction=reboot'],
    ['FailureAction=poweroff-force', 'FailureAction=poweroff-force'],
    ['StartLimitAction=reboot\nResult=start-limit-hit', 'StartLimitAction=reboot'],
    ['OnFailure=mail.service reboot.target', 'OnFailure=reboot.target'],
  ])('by a unit that failed and has %s: no person wanted that', async (property, action) => {
    const units = { 'app.service': `LoadState=loaded\nActiveState=failed\nSubState=failed\n${property}` };
    expect(await goingDown(stopping('300 reboot.target start waiting\n', units), 'systemd', SIGNAL)).toEqual({
      ...{ kind: 'failed', unit: 'app.service', why: `it failed, and its ${action} ends the system` },
    });
  });

  it.each(['FailureAction=none', 'StartLimitAction=reboot\nResult=exit-code', 'OnFailure=mail.service'])(
    'and a unit that failed before, with %s, has nothing to do with it',
    async (property) => {
      const units = { 'app.service': `LoadState=loaded\nActiveState=failed\nSubState=failed\n${property}` };
      const found = await goingDown(stopping('300 poweroff.target start waiting\n', units), 'systemd', SIGNAL);
      expect(found).toEqual({ kind: 'asked', by: 'poweroff.target' });
    },
  );

  it('not where the agent alone is stopped', async () => {
    const running = memoryHost({ programs: { systemctl: () => 'running\n' } });
    expect(await goingDown(running, 'systemd', SIGNAL)).toBeUndefined();
    expect(await goingDown(memoryHost(), 'systemd', SIGNAL)).toBeUndefined();
    const openrc = (softlevel: string) => memoryHost({ files: { '/run/openrc/softlevel': softlevel } });
    expect(await goingDown(openrc('default\n'), 'openrc', SIGNAL)).toBeUndefined();
    expect(await goingDown(openrc('single\n'), 'openrc', SIGNAL)).toBeUndefined();
    expect(await goingDown(openrc('reboot\n'), 'openrc', SIGNAL)).toEqual({ kind: 'asked', by: 'runlevel reboot' });
  });
});
