import { describe, expect, it } from 'vitest';
import { planAgent } from '../../../src/boot/agent-service.ts';
import type { InstallFacts } from '../../../src/boot/facts.ts';
import { planInstall } from '../../../src/boot/phases/install.ts';
import { shellOf } from '../../../src/boot/step-commands.ts';
import { createFacts } from '../../fixtures/facts.ts';

const SERVERS = ['http://boot.lab:8080'];

interface Options {
  readonly agent?: 'auto' | 'on' | 'off';
  readonly servers?: readonly string[];
  readonly serviceManager?: InstallFacts['serviceManager'];
  readonly etc?: 'writable' | 'read-only';
}

function stepsFor({ agent = 'auto', servers = SERVERS, serviceManager = 'systemd', etc = 'writable' }: Options) {
  const facts = createFacts();
  const server = { ...facts.config.server, agent, servers: [...servers] };
  const install = { ...facts.install, serviceManager } as InstallFacts;
  return planAgent({ ...facts, config: { ...facts.config, server } }, install, etc);
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

  it('of OpenRC is in /etc, where that can be written', () => {
    expect(paths({ serviceManager: 'openrc' })).toEqual([
      '/sysroot/etc/init.d',
      '/sysroot/etc/init.d/statectl-agent',
      '/sysroot/etc/runlevels/default',
      '/sysroot/etc/runlevels/default/statectl-agent',
    ]);
    expect(paths({ serviceManager: 'openrc', etc: 'read-only' })).toEqual([]);
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
