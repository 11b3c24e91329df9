import { systemdEscape } from '../../config/templates/filters/quote.ts';
import { findBlock } from '../facts/disks.ts';
import type { Facts } from '../facts/facts.ts';
import type { InstallFacts } from '../facts/system-facts.ts';
import { PROGRAM } from '../paths.ts';
import type { Step } from '../steps/step.ts';

const NAME = 'statectl-logs';
const UNITS = '/run/systemd/system';
/** A way down waits no longer. */
const MOST_SECONDS = 60;

/** For a script that goes down: it bounds itself, and is ended where it hangs. */
export const KEEP_LOGS = `limit=
if command -v timeout >/dev/null; then limit='timeout -s KILL ${MOST_SECONDS}'; fi
$limit ${PROGRAM} logs keep`;

/**
 * Started before all that writes logs, and so stopped after it; the disks that it needs are unmounted later. `logs keep` bounds itself, and
 * a failure is one line in the journal. After it the next boot is told that this one's services ended (statectl-stopping).
 */
const unit = (mountPoint: string): string => `# Made by statectl at boot.
[Unit]
Description=statectl: keeps the logs of this boot when the system stops
DefaultDependencies=no
IgnoreOnIsolate=yes
# Whoever unmounts its disk stops nothing.
After=${systemdEscape(mountPoint, 'path')}.mount local-fs.target systemd-journald.service statectl-stopping.service
Before=sysinit.target shutdown.target
Conflicts=shutdown.target

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStop=-${PROGRAM} logs keep
TimeoutStopSec=${MOST_SECONDS}
`;

/** openrc-run(8). What says that it logs, or uses a logger, stops before it. */
const INIT_SCRIPT = `#!/sbin/openrc-run
# Made by statectl at boot.
description="statectl: keeps the logs of this boot when the system stops"

depend() {
	# On the way down localmount unmounts what the program is in.
	after localmount statectl-stopping
	before logger
}

start() {
	return 0
}

stop() {
	ebegin "Keeping the logs of this boot"
	${KEEP_LOGS.replaceAll('\n', '\n\t')}
	eend $?
	# Whatever became of that, the machine goes down.
	return 0
}
`;

/** The disk that they are to be on, by its mount point; undefined: none is there, or log.conf wants none. */
function mountPointOf({ config, root: { blocks = [] } }: Facts): string | undefined {
  if (config.log.keep === 0) return undefined;
  const isThere = ([, { source, options }]: [string, Facts['config']['fstab'][string]]) =>
    findBlock(blocks, source) !== undefined && !options.includes('ro');
  const disks = Object.entries(config.fstab).filter(isThere);
  const { to } = config.log;
  const holds = (path: string) =>
    disks.map(([mountPoint]) => mountPoint).filter((mountPoint) => `${path}/`.startsWith(`${mountPoint}/`));
  return [...(to === undefined ? [] : [to]), '/user-data/persistent/logs', '/boot/logs'].flatMap((path) =>
    holds(path).toSorted((a, b) => b.length - a.length),
  )[0];
}

/** The logs of a machine with a disk outlive it. systemd's is in RAM, whatever /etc is. Pure. */
export function planLogs(
  facts: Facts,
  { serviceManager }: InstallFacts,
  etc: 'writable' | 'read-only',
): readonly Step[] {
  const mountPoint = mountPointOf(facts);
  if (mountPoint === undefined) return [];
  if (serviceManager === 'systemd')
    return [
      { kind: 'mkdir', path: `${UNITS}/sysinit.target.wants`, mode: 0o755 },
      { kind: 'write', path: `${UNITS}/${NAME}.service`, content: unit(mountPoint) },
      { kind: 'symlink', target: `../${NAME}.service`, path: `${UNITS}/sysinit.target.wants/${NAME}.service` },
    ];
  if (serviceManager !== 'openrc' || etc === 'read-only') return [];
  const runlevel = '/etc/runlevels/boot';
  return [
    { kind: 'mkdir', path: '/etc/init.d', mode: 0o755 },
    { kind: 'write', path: `/etc/init.d/${NAME}`, content: INIT_SCRIPT, mode: 0o755 },
    { kind: 'mkdir', path: runlevel, mode: 0o755 },
    { kind: 'symlink', target: `/etc/init.d/${NAME}`, path: `${runlevel}/${NAME}` },
  ];
}
