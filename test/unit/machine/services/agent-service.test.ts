import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Facts } from '../../../../src/machine/facts/facts.ts';
import type { InstallFacts } from '../../../../src/machine/facts/system-facts.ts';
import { planInstall } from '../../../../src/machine/install/plan-install.ts';
import { planAgent } from '../../../../src/machine/services/agent-service.ts';
import { shellOf } from '../../../../src/machine/steps/step.ts';
import { createFacts, USER_DATA_DISK } from '../../../fixtures/facts.ts';

const SERVERS = ['http://boot.lab:8080'];

interface Options {
  readonly agent?: 'auto' | 'on' | 'off';
  readonly servers?: readonly string[];
  readonly serviceManager?: InstallFacts['serviceManager'];
  readonly etc?: 'writable' | 'read-only';
  readonly services?: Facts['config']['services']['services'];
  readonly target?: string;
  readonly disk?: typeof USER_DATA_DISK;
}

function stepsFor({ agent = 'auto', servers = SERVERS, serviceManager = 'systemd', etc = 'writable', ...on }: Options) {
  const facts = createFacts({ root: { blocks: on.disk ? [on.disk] : [] } });
  const server = { ...facts.config.server, agent, servers: [...servers] };
  const install = { ...facts.system.install, serviceManager } as InstallFacts;
  const services = { ...facts.config.services, services: on.services ?? {}, ...(on.target && { target: on.target }) };
  return planAgent({ ...facts, config: { ...facts.config, server, services } }, install, etc);
}
const paths = (options: Options) => stepsFor(options).map((step) => ('path' in step ? step.path : step.kind));

describe('the agent’s service', () => {
  it('is made where a server is named, unless config.d says otherwise', () => {
    expect(paths({})).toContain('/run/systemd/system/statectl-agent.service');
    expect(paths({ servers: [] })).toEqual([]);
    expect(paths({ agent: 'off' })).toEqual([]);
    expect(paths({ agent: 'on', servers: [] })).not.toEqual([]);
    // Somebody has to say whether the systems on its disk start well.
    expect(paths({ servers: [], disk: USER_DATA_DISK })).not.toEqual([]);
    expect(paths({ servers: [], disk: USER_DATA_DISK, agent: 'off' })).toEqual([]);
  });

  it('of systemd is in RAM, wanted by every start, and gives way to everything else', () => {
    const steps = stepsFor({ etc: 'read-only' });
    expect(steps.map(shellOf)).toMatchInlineSnapshot(`
      [
        "mkdir -p -m 0755 /run/systemd/system/multi-user.target.wants",
        "rm -f /run/systemd/system/statectl-agent.service && printf %s '# Made by statectl at boot.
      [Unit]
      Description=statectl agent: keeps this machine as config.d wants it
      # On the way down it leaves word on that disk.
      After=user-data.mount
      # It goes on asking for ever, at its own pace.
      StartLimitIntervalSec=0

      [Service]
      ExecStart=/run/statectl/rt/statectl agent
      Restart=always
      RestartSec=15
      # Its children are as it is, but the one that holds a lock of Moonraker'\\''s database: it may be as others with their nice value.
      CPUSchedulingPolicy=idle
      Nice=19
      LimitNICE=+19
      IOSchedulingClass=idle
      MemoryHigh=128M
      MemoryMax=256M
      OOMScoreAdjust=500
      ' > /run/systemd/system/statectl-agent.service && chmod 0644 /run/systemd/system/statectl-agent.service",
        "ln -sfT ../statectl-agent.service /run/systemd/system/multi-user.target.wants/statectl-agent.service",
      ]
    `);
  });

  it('is none where services/default-runlevel has it off', () => {
    for (const state of ['masked', 'disabled'] as const)
      for (const service of ['statectl-agent', 'statectl-agent.service']) {
        expect(paths({ services: { [service]: state } })).toEqual([]);
        expect(paths({ serviceManager: 'openrc', services: { [service]: state } })).toEqual([]);
      }
    expect(paths({ services: { 'statectl-agent': 'enabled', ssh: 'masked' } })).not.toEqual([]);
  });

  it('of OpenRC is supervised, gives way to everything else, and stops before what it runs from is unmounted', () => {
    const script = stepsFor({ serviceManager: 'openrc' }).find(({ kind }) => kind === 'write');
    expect(script).toMatchObject({ mode: 0o755 });
    const text = script?.kind === 'write' ? script.content : '';
    const settings = Object.fromEntries(
      [...text.matchAll(/^(?:export )?(\w+)=(?:"([^"]*)"|([^"\n]*))$/gm)].map(([, key, quoted, bare]) => [
        key,
        quoted ?? bare,
      ]),
    );
    expect(text).toMatch(/^#!\/sbin\/openrc-run\n/);
    expect(settings).toMatchObject({
      supervisor: 'supervise-daemon',
      respawn_max: '0',
      error_log: '/dev/kmsg',
      supervise_daemon_args: expect.stringMatching(/--nicelevel 19 --ionice 3/),
      SSD_OOM_SCORE_ADJ: expect.stringMatching(/^[1-9]/),
      rc_cgroup_settings: expect.stringMatching(/^memory\.high \d+\nmemory\.max \d+$/),
    });
    expect(`${settings.command} ${settings.command_args}`).toBe('/run/statectl/rt/statectl agent');
    expect(text).toMatch(/^depend\(\) \{[^}]*\n\tafter localmount\n/m);
  });

  it.each(['there', 'away', 'of an old busybox'])(
    'of OpenRC is scheduled when nobody else wants to run, if chrt can: %s',
    (chrt) => {
      const step = stepsFor({ serviceManager: 'openrc' }).find(({ kind }) => kind === 'write');
      const dir = mkdtempSync(join(tmpdir(), 'statectl-chrt-'));
      try {
        symlinkSync('/bin/true', join(dir, 'true'));
        if (chrt !== 'away')
          writeFileSync(join(dir, 'chrt'), chrt === 'there' ? '#!/bin/sh\nshift 2; "$@"\n' : '#!/bin/sh\nexit 1\n', {
            mode: 0o755,
          });
        const text = step?.kind === 'write' ? step.content : '';
        const said = execFileSync('/bin/sh', ['-c', `${text}\necho "$command $command_args"`], { env: { PATH: dir } });
        const program = '/run/statectl/rt/statectl agent';
        expect(said.toString()).toBe(chrt === 'there' ? `${dir}/chrt -i 0 ${program}\n` : `${program}\n`);
      } finally {
        rmSync(dir, { recursive: true });
      }
    },
  );

  it('of OpenRC is in /etc, where that can be written', () => {
    expect(paths({ serviceManager: 'openrc' })).toEqual([
      '/etc/init.d',
      '/etc/init.d/statectl-agent',
      '/etc/runlevels/default',
      '/etc/runlevels/default/statectl-agent',
    ]);
    expect(paths({ serviceManager: 'openrc', etc: 'read-only' })).toEqual([]);
    expect(paths({ serviceManager: 'openrc', target: 'print' })).toContain('/etc/runlevels/print/statectl-agent');
  });

  it('is none without a service manager, and none in the way of the boot', () => {
    expect(planInstall(createFacts()).map(shellOf).join('\n')).not.toContain('statectl-agent');
  });

  it('is a part of what the boot installs', () => {
    const {
      system: { install },
      ...facts
    } = createFacts({ config: { server: { servers: SERVERS } } });
    const steps = planInstall({
      ...facts,
      system: { install: { ...(install as InstallFacts), serviceManager: 'systemd' } },
    });
    expect(steps.map(shellOf).join('\n')).toContain('/run/systemd/system/statectl-agent.service');
  });
});
