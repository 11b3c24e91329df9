import { RUN_INITRAMFS } from '../paths.ts';
import type { Step } from '../steps/step.ts';

const UNITS = '/run/systemd/system';
const NAME = 'statectl-resolver';
const SCRIPT = `${RUN_INITRAMFS}/resolver`;
const BUSYBOX = `${RUN_INITRAMFS}/bin/busybox`;

/** networkd tells its name servers to systemd-resolved alone; without it nobody would take on those of another lease. */
const PROGRAM = `#!${BUSYBOX} sh
# Made by statectl at boot: /etc/resolv.conf as systemd-networkd has it.
${BUSYBOX} awk -F= '
$1 == "DOMAINS" && $2 != "" { print "search " $2 }
$1 == "DNS" { split($2, servers, " "); for (at = 1; at in servers; at++) print "nameserver " servers[at] }
' /run/systemd/netif/state >${SCRIPT}.conf
# What networkd does not know yet stays as the boot left it.
${BUSYBOX} grep -q ^nameserver ${SCRIPT}.conf || exit 0
[ "$(${BUSYBOX} cat ${SCRIPT}.conf)" = "$(${BUSYBOX} cat /etc/resolv.conf)" ] || ${BUSYBOX} cp ${SCRIPT}.conf /etc/resolv.conf
`;

const PATH_UNIT = `# Made by statectl at boot.
[Unit]
Description=The name servers of systemd-networkd have changed

[Path]
PathChanged=/run/systemd/netif/state
`;

const SERVICE = `# Made by statectl at boot.
[Unit]
Description=/etc/resolv.conf as systemd-networkd has it
After=systemd-networkd.service
StartLimitIntervalSec=0

[Service]
Type=oneshot
ExecStart=${SCRIPT}
`;

/** Units that keep /etc/resolv.conf as networkd has it. */
export const planResolverService = (): readonly Step[] => [
  { kind: 'mkdir', path: `${UNITS}/multi-user.target.wants`, mode: 0o755 },
  { kind: 'write', path: SCRIPT, content: PROGRAM, mode: 0o755 },
  { kind: 'write', path: `${UNITS}/${NAME}.path`, content: PATH_UNIT },
  { kind: 'write', path: `${UNITS}/${NAME}.service`, content: SERVICE },
  // Both: what came before the path was watched is not told.
  ...['path', 'service'].map(
    (type): Step => ({
      kind: 'symlink',
      target: `../${NAME}.${type}`,
      path: `${UNITS}/multi-user.target.wants/${NAME}.${type}`,
    }),
  ),
];
