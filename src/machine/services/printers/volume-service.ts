import type { PrinterState } from '../../../config/config.ts';
import type { Facts } from '../../facts/facts.ts';
import { isEtcWritable } from '../../install/plan-install.ts';
import { PROGRAM } from '../../paths.ts';
import type { Step } from '../../steps/step.ts';

const NAME = 'statectl-volumes';
const UNITS = '/run/systemd/system';
const RELEASE = `${PROGRAM} agent --release-volumes`;

/** Stopped in the other order: when nobody writes any more, and before the network goes. */
const unit = (before: readonly string[]): string => `# Made by statectl at boot.
[Unit]
Description=volumes of printers: the server has all of them before the machine goes down
After=network.target local-fs.target
Before=${before.join(' ')}

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/true
ExecStop=${RELEASE}
TimeoutStopSec=100
`;

const script = (before: readonly string[]): string => `#!/sbin/openrc-run
# Made by statectl at boot.
description="volumes of printers: the server has all of them before the machine goes down"

depend() {
	after localmount
	use net
	before ${before.join(' ')}
}

start() {
	return 0
}

stop() {
	${RELEASE}
}
`;

const hasVolume = ({ items }: PrinterState): boolean => items.some(({ kind }) => kind === 'drbd');

/** What gives volumes up on the way down, where a printer has one. Pure. */
export function planVolumeService(facts: Facts): readonly Step[] {
  const printers = Object.values(facts.config.state.printers).filter(hasVolume);
  if (printers.length === 0) return [];
  const users = [...printers.flatMap(({ services }) => [services.klipper, services.moonraker]), 'statectl-agent'];
  const manager = facts.system.install?.serviceManager;
  if (manager === 'systemd')
    return [
      { kind: 'mkdir', path: `${UNITS}/multi-user.target.wants`, mode: 0o755 },
      { kind: 'write', path: `${UNITS}/${NAME}.service`, content: unit(users.map((name) => `${name}.service`)) },
      { kind: 'symlink', target: `../${NAME}.service`, path: `${UNITS}/multi-user.target.wants/${NAME}.service` },
    ];
  if (manager !== 'openrc' || !isEtcWritable(facts)) return [];
  const runlevel = `/etc/runlevels/${facts.config.services.target ?? 'default'}`;
  return [
    { kind: 'mkdir', path: '/etc/init.d', mode: 0o755 },
    { kind: 'write', path: `/etc/init.d/${NAME}`, content: script(users), mode: 0o755 },
    { kind: 'mkdir', path: runlevel, mode: 0o755 },
    { kind: 'symlink', target: `/etc/init.d/${NAME}`, path: `${runlevel}/${NAME}` },
  ];
}
