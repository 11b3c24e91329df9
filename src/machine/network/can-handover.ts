import { type CanSettings, networkWishes } from '../../config/command-line/network-arguments.ts';
import type { Host } from '../../host/host.ts';
import { shellLine } from '../../host/shell-line.ts';
import type { Facts } from '../facts/facts.ts';
import type { CanTools, InstallFacts } from '../facts/system-facts.ts';
import { systemTree } from '../facts/system-tree.ts';
import { NETWORKD } from '../paths.ts';
import type { Step } from '../steps/step.ts';

const RULES = '/run/udev/rules.d';
const IN_SYSTEM = ['/usr/sbin', '/sbin', '/usr/bin', '/bin'];

const canOf = ({ config, commandLine }: Facts) => networkWishes(config.network, commandLine).can;

/** What the system has to set up CAN interfaces with where it has no networkd; undefined: there are none. */
export async function canTools(host: Pick<Host, 'files'>, facts: Facts): Promise<CanTools | undefined> {
  if (Object.keys(canOf(facts)).length === 0) return undefined;
  const tree = systemTree(host, facts);
  const find = async (name: string) => {
    for (const folder of IN_SYSTEM) {
      const real = await tree.resolve(`${folder}/${name}`);
      // That of busybox knows no CAN.
      if (real !== undefined && !real.endsWith('/busybox')) return `${folder}/${name}`;
    }
    return undefined;
  };
  const ip = await find('ip');
  return { hasUdev: (await find('udevadm')) !== undefined, ...(ip !== undefined && { ip }) };
}

/** Why the CAN interfaces of network.conf stay down; undefined: there are none, or the system sets them up. Pure. */
export function canFault(facts: Facts, { usesNetworkd, can }: InstallFacts): string | undefined {
  if (!can || usesNetworkd) return undefined;
  const names = Object.keys(canOf(facts)).join(', ');
  if (!can.hasUdev)
    return `nobody sets up ${names} (system/network.conf): the image has neither systemd-networkd nor udev`;
  if (can.ip === undefined) return `nobody sets up ${names} (system/network.conf): the image has no ip of iproute2`;
  return undefined;
}

/**
 * Has the system set up each CAN interface whenever its adapter comes: at boot, late, or again after the board behind it was reset.
 * Nothing waits for one. networkd does it by itself; beside every other network service, which know no CAN or forget it when
 * the adapter goes, udev does. Pure.
 */
export function planCan(facts: Facts, { usesNetworkd, can }: InstallFacts): readonly Step[] {
  const interfaces = Object.entries(canOf(facts));
  if (interfaces.length === 0) return [];
  if (usesNetworkd)
    return [
      { kind: 'mkdir', path: NETWORKD, mode: 0o755 },
      ...interfaces.flatMap(([name, settings]): readonly Step[] => [
        { kind: 'write', path: `${NETWORKD}/10-statectl-${name}.link`, content: linkFile(name, settings) },
        { kind: 'write', path: `${NETWORKD}/10-statectl-${name}.network`, content: networkFile(name, settings) },
      ]),
    ];
  const { hasUdev = false, ip } = can ?? {};
  if (!hasUdev || ip === undefined) return [];
  const rules = interfaces.map(([name, settings]) => udevRule(name, settings, ip)).join('');
  const asks = interfaces.some(([, { match }]) => match !== undefined) ? ASKS : '';
  return [
    { kind: 'mkdir', path: RULES, mode: 0o755 },
    { kind: 'write', path: `${RULES}/80-statectl-can.rules`, content: `${HEAD}${asks}${rules}` },
  ];
}

const HEAD = '# Made by statectl at boot: a CAN interface of network.conf, whenever its adapter is there.\n';

/** ARPHRD_CAN of include/uapi/linux/if_arp.h. */
const IS_CAN = 'ATTR{type}=="280"';
/** Where and which an adapter is: not every system asks before. In rules of their own, since within one what is asked for is compared first. */
const ASKS = ['IMPORT{builtin}="path_id"', 'SUBSYSTEMS=="usb", IMPORT{builtin}="usb_id"']
  .map((ask) => `ACTION=="add", SUBSYSTEM=="net", ${IS_CAN}, ${ask}\n`)
  .join('');

/** systemd.link(5); the length of the queue since systemd 248, and properties since 243. An adapter that is matched gets its name whenever it comes. */
function linkFile(name: string, { txqueuelen, match }: CanSettings): string {
  const which =
    match === undefined
      ? [`OriginalName=${name}`]
      : [
          'Type=can',
          ...(match.path === undefined ? [] : [`Path=${match.path}`]),
          ...(match.serial === undefined ? [] : [`Property=ID_SERIAL_SHORT=${match.serial}`]),
        ];
  const link = ['NamePolicy=', ...(match ? [`Name=${name}`] : []), `TransmitQueueLength=${txqueuelen}`];
  return `${HEAD}[Match]\n${which.join('\n')}\n\n[Link]\n${link.join('\n')}\n`;
}

/** systemd.network(5). */
function networkFile(name: string, { bitrate, dataBitrate, restartMs, listenOnly }: CanSettings): string {
  const can = [
    `BitRate=${bitrate}`,
    ...(dataBitrate === undefined ? [] : ['FDMode=yes', `DataBitRate=${dataBitrate}`]),
    ...(restartMs > 0 ? [`RestartSec=${restartMs}ms`] : []),
    ...(listenOnly ? ['ListenOnly=yes'] : []),
  ];
  return `${HEAD}[Match]\nName=${name}\n\n[Link]\nRequiredForOnline=no\n\n[CAN]\n${can.join('\n')}\n`;
}

/** udev(7). The way back from bus-off by itself, which not every driver has, is asked for last and apart. */
function udevRule(name: string, settings: CanSettings, ip: string): string {
  const { txqueuelen, restartMs } = settings;
  const set = [ip, 'link', 'set', 'dev', name];
  const runs = [
    [...set, 'type', 'can', ...canWords(settings)],
    ...(restartMs > 0 ? [[...set, 'type', 'can', 'restart-ms', String(restartMs)]] : []),
    [...set, 'up'],
  ];
  return `${[
    'ACTION=="add", SUBSYSTEM=="net"',
    ...whichAdapter(name, settings),
    `ATTR{tx_queue_len}="${txqueuelen}"`,
    ...runs.map((argv) => `RUN+="${shellLine(argv)}"`),
  ].join(', ')}\n`;
}

const whichAdapter = (name: string, { match }: CanSettings): readonly string[] =>
  match === undefined
    ? [`KERNEL=="${name}"`]
    : [
        IS_CAN,
        ...(match.path === undefined ? [] : [`ENV{ID_PATH}=="${match.path}"`]),
        ...(match.serial === undefined ? [] : [`ENV{ID_SERIAL_SHORT}=="${match.serial}"`]),
        `NAME="${name}"`,
      ];

/** ip-link(8), `type can`. */
const canWords = ({ bitrate, dataBitrate, listenOnly }: CanSettings): readonly string[] => [
  ...['bitrate', String(bitrate)],
  ...(dataBitrate === undefined ? [] : ['dbitrate', String(dataBitrate), 'fd', 'on']),
  ...(listenOnly ? ['listen-only', 'on'] : []),
];
