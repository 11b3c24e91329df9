import type { Host } from '../../host/host.ts';
import { isPattern } from '../../name-pattern.ts';

/**
 * What a system makes anew at each boot, or keeps for itself alone, by its maker: nobody loses anything with it. All below a path
 * goes with it.
 */
const REMADE: Readonly<Record<string, readonly string[]>> = {
  'systemd: stamps, seeds, identity': [
    ...['/etc/.updated', '/var/.updated', '/etc/machine-id', '/var/lib/dbus/machine-id', '/etc/.pwd.lock'],
    ...['timers', 'random-seed', 'catalog', 'rfkill', 'backlight', 'timesync', 'network'].map(
      (name) => `/var/lib/systemd/${name}`,
    ),
    ...['/var/lib/private/systemd', '/var/cache/private/systemd', '/etc/udev/hwdb.bin', '/usr/lib/udev/hwdb.bin'],
  ],
  'other inits': [
    ...['/etc/mtab', '/etc/adjtime', '/etc/network/run'],
    ...['/var/lib/urandom', '/var/lib/seedrng', '/var/lib/random-seed', '/var/lib/misc/random-seed', '/var/lib/openrc'],
    ...['/var/lib/initscripts', '/var/lib/hwclock', '/var/lib/alsa/asound.state', '/var/lib/misc/openrc-shutdowntime'],
  ],
  'the loader’s and other caches': [
    ...['/etc/ld.so.cache', '/etc/ld.so.cache~', '/var/cache/ldconfig', '/var/cache/man', '/var/cache/fontconfig'],
    ...[
      '/var/cache/apt',
      '/var/cache/debconf',
      '/var/lib/apt/lists',
      '/var/lib/apt/periodic',
      '/var/lib/apt/daily_lock',
    ],
    ...['/var/cache/dnf', '/var/cache/apk', '/var/cache/zypp', '/var/cache/pacman'],
  ],
  'who gets addresses and time': [
    ...['/etc/resolv.conf', '/etc/resolv.conf.*', '/etc/.resolv.conf.*', '/var/lib/dhcp', '/var/lib/dhclient'],
    ...['/var/lib/dhcpcd', '/var/db/dhcpcd', '/var/lib/udhcpc', '/var/lib/connman'],
    ...['*.lease', 'timestamps', 'seen-bssids', 'NetworkManager.state', 'NetworkManager-intern.conf', 'secret_key'].map(
      (name) => `/var/lib/NetworkManager/${name}`,
    ),
    ...['/var/lib/chrony', '/var/lib/ntp', '/var/lib/ntpsec', '/var/lib/ntpd-rs'],
  ],
  'logs and who was there': [
    ...['journal', 'README', 'dmesg*', 'boot', 'boot.log*', 'wtmp*', 'btmp*', 'lastlog', 'faillog', 'tallylog'],
    ...['syslog*', 'messages*', 'kern.log*', 'user.log*', 'auth.log*', 'daemon.log*', 'cron*', 'mail*', 'debug*'],
    ...['secure*', 'spooler*', 'rc.log*', 'apt', 'dpkg.log*', 'alternatives.log*', 'fsck', 'chrony', 'audit'],
  ].map((name) => `/var/log/${name}`),
  'turners of logs, and those that come once a day': [
    ...['/var/lib/logrotate', '/var/lib/logrotate.status', '/var/spool/anacron', '/var/lib/cron', '/var/lib/rsyslog'],
    ...['/var/spool/rsyslog', '/var/lib/plocate', '/var/lib/mlocate', '/var/lib/wtmpdb', '/var/lib/lastlog'],
  ],
};

/** Folders alone: what somebody put into them is his. */
const FOLDERS = [
  ...['/var/lib/systemd', '/var/lib/systemd/linger', '/var/lib/systemd/coredump', '/var/lib/systemd/pstore'],
  ...['/var/lib/private', '/var/cache/private', '/var/log/private', '/var/lib/NetworkManager'],
];
const TMPFILES = ['/usr/lib/tmpfiles.d', '/usr/local/lib/tmpfiles.d', '/etc/tmpfiles.d', '/run/tmpfiles.d'];

export interface Remade {
  /** With all below. */
  readonly paths: readonly string[];
  /** The same as patterns. */
  readonly patterns: readonly string[];
  /** Only these, not what is below. */
  readonly alone: ReadonlySet<string>;
}

/** What the running system makes anew at each boot: what is known of its programs, and what it says itself (tmpfiles.d(5)). */
export async function remadeAtBoot({ files }: Pick<Host, 'files'>): Promise<Remade> {
  const texts: string[] = [];
  for (const folder of TMPFILES)
    for (const name of await files.list(folder).catch(() => []))
      if (name.endsWith('.conf')) texts.push(await files.readText(`${folder}/${name}`).catch(() => ''));
  const lines = texts.flatMap((text) => text.split('\n')).flatMap((line) => tmpfilesLine(line) ?? []);
  const copied = lines.filter(({ type }) => type === 'C').map(({ path }) => path);
  const known = Object.values(REMADE).flat();
  return {
    paths: [...known.filter((path) => !isPattern(path)), ...copied],
    patterns: known.filter(isPattern),
    alone: new Set([...FOLDERS, ...lines.map(({ path }) => path)]),
  };
}

/** Types that make something. What has a specifier or a wildcard names no path here. */
function tmpfilesLine(line: string): { readonly type: string; readonly path: string } | undefined {
  const [, type, path] = /^\s*([fFwdDvqQpLcbC])[+!\-=~^$?]*\s+"?(\/[^\s"%*?[]+)"?(?:\s|$)/.exec(line) ?? [];
  return type === undefined || path === undefined ? undefined : { type, path: path.replace(/(.)\/+$/, '$1') };
}
