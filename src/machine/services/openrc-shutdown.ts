import type { InstallFacts } from '../facts/system-facts.ts';
import type { Step } from '../steps/step.ts';

const NAME = 'statectl-disks';

/**
 * Debian's umountfs leaves alone what was mounted before the root, which /user-data was, and OpenRC runs no
 * /run/initramfs/shutdown. The mount points of /proc/mounts are escaped as printf(1) reads it.
 */
const INIT_SCRIPT = `#!/sbin/openrc-run
# Made by statectl at boot.
description="leaves no disk dirty that is still mounted when the machine goes down"

depend() {
	after killprocs mount-ro
}

start() {
	ebegin "Making disks read-only"
	sync
	failed=0
	while read -r device point _ options _; do
		case "$device $options" in
		/dev/*" rw" | /dev/*" rw,"*) mount -o remount,ro "$(printf %b "$point")" || failed=1 ;;
		esac
	done </proc/mounts
	eend $failed
}
`;

/** The last thing that OpenRC does on the way down. Where another service manager is, nothing. Pure. */
export function planOpenrcShutdown({ serviceManager }: InstallFacts): readonly Step[] {
  if (serviceManager !== 'openrc') return [];
  const runlevel = '/etc/runlevels/shutdown';
  return [
    { kind: 'mkdir', path: '/etc/init.d', mode: 0o755 },
    { kind: 'write', path: `/etc/init.d/${NAME}`, content: INIT_SCRIPT, mode: 0o755 },
    { kind: 'mkdir', path: runlevel, mode: 0o755 },
    { kind: 'symlink', target: `/etc/init.d/${NAME}`, path: `${runlevel}/${NAME}` },
  ];
}
