import type { Facts } from '../facts/facts.ts';
import type { InstallFacts } from '../facts/system-facts.ts';
import { RUN_INITRAMFS } from '../paths.ts';
import type { Step } from '../steps/step.ts';

export interface WantedWatchdog {
  readonly device: string;
  readonly timeoutMs: number;
}

/** The watchdog of this machine where boot.conf wants it; undefined: none. Pure. */
export function wantedWatchdog({
  config,
  machine,
}: Partial<Pick<Facts, 'config' | 'machine'>>): WantedWatchdog | undefined {
  const timeout = config?.boot.watchdog ?? 'off';
  if (timeout === 'off' || !machine?.watchdog) return undefined;
  return { device: machine.watchdog.device, timeoutMs: timeout };
}

/** Whether the system will feed it: systemd does so itself, under OpenRC a service of ours, which must be in /etc. Pure. */
export const isFedBySystem = (
  { serviceManager }: Pick<InstallFacts, 'serviceManager'>,
  etc: 'writable' | 'read-only',
): boolean => serviceManager === 'systemd' || (serviceManager === 'openrc' && etc === 'writable');

/** After the boot's own drop-ins of the image, and before an admin's that say otherwise (systemd-system.conf(5)). */
const DROP_IN = '/run/systemd/system.conf.d/50-statectl-watchdog.conf';
const NAME = 'statectl-watchdog';
const FEEDER = `${RUN_INITRAMFS}/feed-watchdog`;

/** The way down is systemd's too: its own `RebootWatchdogSec` counts then, ten minutes. */
const dropIn = ({ device, timeoutMs }: WantedWatchdog): string => `# Made by statectl at boot.
[Manager]
RuntimeWatchdogSec=${Math.ceil(timeoutMs / 1000)}
WatchdogDevice=${device}
`;

/** Stopped in order it closes the watchdog; killed, it leaves that running, and the machine is reset. */
const feeder = ({ device, timeoutMs }: WantedWatchdog): string => `# Made by statectl at boot.
exec 3>${device} || exit
trap 'printf V >&3; exit 0' TERM INT
while :; do
	printf . >&3
	sleep ${Math.max(1, Math.floor(timeoutMs / 4000))} 3>&- &
	wait $!
done
`;

/** Its time was said by the boot. */
const INIT_SCRIPT = `#!/sbin/openrc-run
# Made by statectl at boot.
description="feeds the hardware watchdog"
supervisor=supervise-daemon
command=/bin/sh
command_args="${FEEDER}"
respawn_delay=1
respawn_max=0
export SSD_OOM_SCORE_ADJ=-1000
`;

/** What feeds the watchdog from the switch on; nothing where nobody would. Pure. */
export function planWatchdog(facts: Facts, install: InstallFacts, etc: 'writable' | 'read-only'): readonly Step[] {
  const wanted = wantedWatchdog(facts);
  if (!wanted || !isFedBySystem(install, etc)) return [];
  if (install.serviceManager === 'systemd')
    return [
      { kind: 'mkdir', path: '/run/systemd/system.conf.d', mode: 0o755 },
      { kind: 'write', path: DROP_IN, content: dropIn(wanted) },
    ];
  const runlevel = '/etc/runlevels/sysinit';
  return [
    { kind: 'write', path: FEEDER, content: feeder(wanted) },
    { kind: 'mkdir', path: '/etc/init.d', mode: 0o755 },
    { kind: 'write', path: `/etc/init.d/${NAME}`, content: INIT_SCRIPT, mode: 0o755 },
    { kind: 'mkdir', path: runlevel, mode: 0o755 },
    { kind: 'symlink', target: `/etc/init.d/${NAME}`, path: `${runlevel}/${NAME}` },
  ];
}
