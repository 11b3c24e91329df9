import type { InstallFacts } from '../facts/system-facts.ts';
import { IMAGE_MOUNT, STOPPING } from '../paths.ts';
import type { Step } from '../steps/step.ts';
import { KEEP_LOGS } from './logs-service.ts';

const NAME = 'statectl-stopping';
const DISKS = 'statectl-disks';
const UNITS = '/run/systemd/system';
const STOPPED = '/user-data/persistent/statectl/cycle/stopping.json';
/** /run may forbid to run programs. */
const HOOK = `/bin/sh ${STOPPING}`;

/** The disks are what /run/initramfs/shutdown does, for which systemd looks itself. */
const UNIT = `# Made by statectl at boot.
[Unit]
Description=statectl: what the next boot knows of this way down
DefaultDependencies=no
# Stopped in the other order: when services have ended, and before file systems go. Whoever unmounts one ends no system.
After=local-fs.target user-data.mount
Before=sysinit.target shutdown.target
Conflicts=shutdown.target
RefuseManualStop=yes
IgnoreOnIsolate=yes

[Service]
Type=oneshot
RemainAfterExit=yes
# After a soft-reboot.
ExecStart=-/bin/sh -c 'test ! -e ${STOPPED} || exec ${HOOK} withdraw'
ExecStop=${HOOK} evidence
TimeoutStopSec=45
`;

/** Where localmount unmounts /user-data, this is the last moment for what is written there. */
const STOPPING_SERVICE = `#!/sbin/openrc-run
# Made by statectl at boot.
description="what the next boot knows of this way down"

depend() {
	after localmount
}

start() {
	return 0
}

stop() {
	${HOOK} evidence
}
`;

/**
 * Debian's umountfs leaves alone what was mounted before the root, which /user-data was, and OpenRC runs no
 * /run/initramfs/shutdown.
 */
const DISKS_SERVICE = `#!/sbin/openrc-run
# Made by statectl at boot.
description="leaves no disk dirty that is still mounted when the machine goes down"

depend() {
	after killprocs mount-ro
}

start() {
	ebegin "Freeing disks"
	action=poweroff
	[ "$RC_REBOOT" != YES ] || action=reboot
	${HOOK} disks $action
	eend 0
}
`;

/** What a service manager runs last, or where it does not go down by /run/initramfs/shutdown, runs in its place. Pure. */
export function planWayDown(
  { serviceManager, unmounting = {} }: InstallFacts,
  etc: 'writable' | 'read-only',
): readonly Step[] {
  if (serviceManager === 'systemd')
    return [
      { kind: 'mkdir', path: `${UNITS}/sysinit.target.wants`, mode: 0o755 },
      { kind: 'write', path: `${UNITS}/${NAME}.service`, content: UNIT },
      { kind: 'symlink', target: `../${NAME}.service`, path: `${UNITS}/sysinit.target.wants/${NAME}.service` },
    ];
  if (etc === 'read-only') return [];
  if (serviceManager === 'openrc')
    return [...openrcService(NAME, STOPPING_SERVICE, 'boot'), ...openrcService(DISKS, DISKS_SERVICE, 'shutdown')];
  return Object.entries(unmounting).map(([name, header]) => ({
    kind: 'write',
    path: `/etc/init.d/${name}`,
    content: sysvScript(name, header),
    mode: 0o755,
  }));
}

const openrcService = (name: string, content: string, runlevel: string): readonly Step[] => [
  { kind: 'mkdir', path: '/etc/init.d', mode: 0o755 },
  { kind: 'write', path: `/etc/init.d/${name}`, content, mode: 0o755 },
  { kind: 'mkdir', path: `/etc/runlevels/${runlevel}`, mode: 0o755 },
  { kind: 'symlink', target: `/etc/init.d/${name}`, path: `/etc/runlevels/${runlevel}/${name}` },
];

/**
 * In place of the image's own, whose order startpar(8) knows: processes and servers that file systems are of within a limit, disks also
 * of what was mounted before the root.
 */
const sysvScript = (name: string, header: string): string => `#!/bin/sh
${header}
# Made by statectl at boot, in place of the image's.
case $1 in stop | '') ;; *) exit 0 ;; esac
${name === 'umountfs' ? FREE_DISKS : `exec ${HOOK} within ${IMAGE_MOUNT}/etc/init.d/${name} stop`}
`;

const FREE_DISKS = `${KEEP_LOGS}
action=reboot
[ "$RUNLEVEL" != 0 ] || action=poweroff
[ "$RUNLEVEL$INIT_HALT" != 0HALT ] || action=halt
exec ${HOOK} disks $action`;
