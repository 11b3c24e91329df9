import { describe, expect, it } from 'vitest';
import { planAgent } from '../../../src/boot/agent-service.ts';
import type { Facts, InstallFacts } from '../../../src/boot/facts.ts';
import { planInstall } from '../../../src/boot/phases/install.ts';
import { shellOf } from '../../../src/boot/step-commands.ts';
import { createFacts } from '../../fixtures/facts.ts';

const SERVERS = ['http://boot.lab:8080'];

interface Options {
  readonly agent?: 'auto' | 'on' | 'off';
  readonly servers?: readonly string[];
  readonly serviceManager?: InstallFacts['serviceManager'];
  readonly etc?: 'writable' | 'read-only';
  readonly services?: Facts['config']['services']['services'];
  readonly target?: string;
}

function stepsFor({ agent = 'auto', servers = SERVERS, serviceManager = 'systemd', etc = 'writable', ...on }: Options) {
  const facts = createFacts();
  const server = { ...facts.config.server, agent, servers: [...servers] };
  const install = { ...facts.install, serviceManager } as InstallFacts;
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
  });

  it('of systemd is in RAM, wanted by every start, and gives way to everything else', () => {
    const steps = stepsFor({ etc: 'read-only' });
    expect(steps.map(shellOf)).toMatchInlineSnapshot(`
      [
        "mkdir -p -m 0755 /run/systemd/system/multi-user.target.wants",
        "rm -f /run/systemd/system/statectl-agent.service && printf %s '# Made by statectl at boot.
      [Unit]
      Description=statectl agent: keeps this machine as config.d wants it
      # It goes on asking for ever, at its own pace.
      StartLimitIntervalSec=0

      [Service]
      ExecStart=/run/statectl/rt/statectl agent
      Restart=always
      RestartSec=15
      Nice=19
      IOSchedulingClass=idle
      MemoryHigh=128M
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
    expect(script && shellOf(script)).toMatchInlineSnapshot(`
      "rm -f /sysroot/etc/init.d/statectl-agent && printf %s '#!/sbin/openrc-run
      # Made by statectl at boot.
      description="statectl agent: keeps this machine as config.d wants it"
      supervisor=supervise-daemon
      command=/run/statectl/rt/statectl
      command_args=agent
      respawn_delay=15
      respawn_max=0
      # OpenRC would throw away what it says, and a log file in RAM would grow without end.
      error_log=/dev/kmsg
      supervise_daemon_args="--nicelevel 19 --ionice 3"
      # No option: before 0.45 OpenRC knows none, and an agent with a common score is better than none.
      export SSD_OOM_SCORE_ADJ=500
      rc_cgroup_settings="memory.high 134217728"

      depend() {
      	# On the way down localmount unmounts what the program is in.
      	after localmount
      }
      ' > /sysroot/etc/init.d/statectl-agent && chmod 0755 /sysroot/etc/init.d/statectl-agent"
    `);
  });

  it('of OpenRC is in /etc, where that can be written', () => {
    expect(paths({ serviceManager: 'openrc' })).toEqual([
      '/sysroot/etc/init.d',
      '/sysroot/etc/init.d/statectl-agent',
      '/sysroot/etc/runlevels/default',
      '/sysroot/etc/runlevels/default/statectl-agent',
    ]);
    expect(paths({ serviceManager: 'openrc', etc: 'read-only' })).toEqual([]);
    expect(paths({ serviceManager: 'openrc', target: 'print' })).toContain(
      '/sysroot/etc/runlevels/print/statectl-agent',
    );
  });

  it('is none without a service manager, and none in the way of the boot', () => {
    expect(planInstall(createFacts()).map(shellOf).join('\n')).not.toContain('statectl-agent');
  });

  it('is a part of what the boot installs', () => {
    const { install, ...facts } = createFacts({ config: { server: { servers: SERVERS } } });
    const steps = planInstall({ ...facts, install: { ...(install as InstallFacts), serviceManager: 'systemd' } });
    expect(steps.map(shellOf).join('\n')).toContain('/run/systemd/system/statectl-agent.service');
  });
});
