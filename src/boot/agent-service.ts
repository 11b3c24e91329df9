import type { Facts, InstallFacts } from './facts.ts';
import { RUN, SYSROOT } from './paths.ts';
import type { Step } from './step.ts';

const PROGRAM = `${RUN}/rt/statectl`;
const NAME = 'statectl-agent';
const UNITS = '/run/systemd/system';

/** Everything else comes first: a print host has little, and a print must not hear of it. */
const UNIT = `# Made by statectl at boot.
[Unit]
Description=statectl agent: keeps this machine as config.d wants it
# It goes on asking for ever, at its own pace.
StartLimitIntervalSec=0

[Service]
ExecStart=${PROGRAM} agent
Restart=always
RestartSec=15
Nice=19
IOSchedulingClass=idle
MemoryHigh=128M
OOMScoreAdjust=500
`;

const INIT_SCRIPT = `#!/sbin/openrc-run
# Made by statectl at boot.
description="statectl agent: keeps this machine as config.d wants it"
supervisor=supervise-daemon
command=${PROGRAM}
command_args=agent
respawn_delay=15
respawn_max=0
supervise_daemon_args="--nicelevel 19 --ionice 3"
`;

/** With `auto` where the machine has a server to hear from. */
const isWanted = ({ config: { server } }: Facts): boolean =>
  server.agent !== 'off' && (server.agent === 'on' || server.servers.length > 0);

/** The agent as a service of the running system. systemd's is in RAM, whatever /etc is. Pure. */
export function planAgent(
  facts: Facts,
  { serviceManager }: InstallFacts,
  etc: 'writable' | 'read-only',
): readonly Step[] {
  if (!isWanted(facts)) return [];
  if (serviceManager === 'systemd')
    return [
      { kind: 'mkdir', path: `${UNITS}/multi-user.target.wants`, mode: 0o755 },
      { kind: 'write', path: `${UNITS}/${NAME}.service`, content: UNIT },
      { kind: 'symlink', target: `../${NAME}.service`, path: `${UNITS}/multi-user.target.wants/${NAME}.service` },
    ];
  if (serviceManager !== 'openrc' || etc === 'read-only') return [];
  const { target = 'default' } = facts.config.services;
  const runlevel = `${SYSROOT}/etc/runlevels/${target}`;
  return [
    { kind: 'mkdir', path: `${SYSROOT}/etc/init.d`, mode: 0o755 },
    { kind: 'write', path: `${SYSROOT}/etc/init.d/${NAME}`, content: INIT_SCRIPT, mode: 0o755 },
    { kind: 'mkdir', path: runlevel, mode: 0o755 },
    { kind: 'symlink', target: `/etc/init.d/${NAME}`, path: `${runlevel}/${NAME}` },
  ];
}
