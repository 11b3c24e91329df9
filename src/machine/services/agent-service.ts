import { userDataDevice } from '../facts/disks.ts';
import type { Facts } from '../facts/facts.ts';
import type { InstallFacts } from '../facts/system-facts.ts';
import { PROGRAM } from '../paths.ts';
import type { Step } from '../steps/step.ts';

const NAME = 'statectl-agent';
const UNITS = '/run/systemd/system';

/** Everything else comes first: a print host has little, and a print must not hear of it. */
const UNIT = `# Made by statectl at boot.
[Unit]
Description=statectl agent: keeps this machine as config.d wants it
# On the way down it leaves word on that disk.
After=user-data.mount
# It goes on asking for ever, at its own pace.
StartLimitIntervalSec=0

[Service]
ExecStart=${PROGRAM} agent
Restart=always
RestartSec=15
# Its children are as it is, but the one that holds a lock of Moonraker's database: it may be as others with their nice value.
CPUSchedulingPolicy=idle
Nice=19
LimitNICE=+19
IOSchedulingClass=idle
MemoryHigh=128M
MemoryMax=256M
OOMScoreAdjust=500
`;

/** openrc-run(8), supervise-daemon(8). Unlike systemd's it is in /etc, where alone OpenRC looks. */
const INIT_SCRIPT = `#!/sbin/openrc-run
# Made by statectl at boot.
description="statectl agent: keeps this machine as config.d wants it"
supervisor=supervise-daemon
command=${PROGRAM}
command_args=agent
# supervise-daemon knows no policy before OpenRC 0.53; chrt(1) becomes the program. Its children are as it is, but the one that
# holds a lock of Moonraker's database: it may be as others with their nice value.
rc_ulimit="-e 1"
if chrt -i 0 true 2>/dev/null; then
	command=$(command -v chrt)
	command_args="-i 0 ${PROGRAM} agent"
fi
respawn_delay=15
respawn_max=0
# OpenRC would throw away what it says, and a log file in RAM would grow without end.
error_log=/dev/kmsg
supervise_daemon_args="--nicelevel 19 --ionice 3"
# No option: before 0.45 OpenRC knows none, and an agent with a common score is better than none.
export SSD_OOM_SCORE_ADJ=500
rc_cgroup_settings="memory.high 134217728
memory.max 268435456"

depend() {
	# On the way down localmount unmounts what the program is in.
	after localmount
}
`;

/**
 * With `auto` where the machine has a server to hear from, or keeps systems of which somebody has to say that they started; not
 * where services/default-runlevel has it off.
 */
const isWanted = (facts: Facts): boolean => {
  const { server, services } = facts.config;
  return (
    server.agent !== 'off' &&
    (server.agent === 'on' || server.servers.length > 0 || keepsSystems(facts)) &&
    (services.services[NAME] ?? services.services[`${NAME}.service`] ?? 'enabled') === 'enabled'
  );
};

const keepsSystems = (facts: Facts): boolean =>
  userDataDevice(facts) !== undefined && (facts.config.boot.keepCopy || facts.config.update.slots !== undefined);

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
  const runlevel = `/etc/runlevels/${target}`;
  return [
    { kind: 'mkdir', path: '/etc/init.d', mode: 0o755 },
    { kind: 'write', path: `/etc/init.d/${NAME}`, content: INIT_SCRIPT, mode: 0o755 },
    { kind: 'mkdir', path: runlevel, mode: 0o755 },
    { kind: 'symlink', target: `/etc/init.d/${NAME}`, path: `${runlevel}/${NAME}` },
  ];
}
