import { dirname } from 'node:path';
import type { Account } from '../../../host/host.ts';
import type { Facts } from '../../facts/facts.ts';
import { isEtcWritable } from '../../install/plan-install.ts';
import { PROGRAM, RUN } from '../../paths.ts';
import { cacheFolders } from '../../state/mirror/cache-folders.ts';
import { spoolPath } from '../../state/printer-session.ts';
import type { Step } from '../../steps/step.ts';
import { cacheHolder, canResend } from './cache-holder.ts';

const UNITS = '/run/systemd/system';

/** A folder of a printer that is shown as a cache. */
export interface Cache extends Account {
  readonly printer: string;
  readonly item: string;
  readonly place: string;
  /** What systemd or OpenRC calls it. */
  readonly service: string;
}

type CacheItem = NonNullable<Facts['system']['printers']>['printers'][number]['items'][number];

const isCache = (item: CacheItem): item is Extract<CacheItem, { readonly kind: 'mirror' }> =>
  item.kind === 'mirror' && item.cache !== undefined;

/** Why it is a mirror on this machine, which is all the same to the server; undefined: nothing is in the way. */
const inTheWay = (facts: Facts, item: CacheItem): string | undefined => {
  if (!isCache(item)) return undefined;
  const { kernelRelease } = facts.machine;
  if (!canResend(kernelRelease) && item.cache?.restart !== 'pause')
    return `a cache needs Linux 6.9, this is ${kernelRelease}: \`kind: mirror\`, or \`restart: pause\`, where a read is interrupted (EINTR) when the process that shows the folder ends`;
  if (facts.system.install?.serviceManager === 'systemd') return undefined;
  if (facts.system.install?.serviceManager === 'openrc')
    return isEtcWritable(facts)
      ? undefined
      : 'a cache is shown by a service, and OpenRC looks for none but in /etc, which is read-only';
  return 'a cache is shown by a service, and the image has neither systemd nor OpenRC';
};

/** Of every printer, those that this machine can show. Pure. */
export const cachesOf = (facts: Facts): readonly Cache[] =>
  (facts.system.printers?.printers ?? []).flatMap(({ name: printer, items }) =>
    items
      .filter((item) => isCache(item) && inTheWay(facts, item) === undefined)
      .map(({ name: item, path: place, uid, gid }) => ({
        ...{ printer, item, place, uid, gid },
        service: `statectl-cache-${printer}-${item}`,
      })),
  );

/** Of those that it cannot, what is told. Pure. */
export const cacheFaults = (facts: Facts): readonly string[] =>
  (facts.system.printers?.printers ?? []).flatMap(({ name, items }) =>
    items.flatMap((item) => {
      const why = inTheWay(facts, item);
      return why === undefined ? [] : [`${name}: ${item.path} is kept as a mirror: ${why}`];
    }),
  );

const scriptOf = ({ service }: Cache): string => `${RUN}/${service}.sh`;

/** Who holds it is the last to be ended for want of memory: prints read by it. */
const unit = (cache: Cache): string => `# Made by statectl at boot.
[Unit]
Description=${cache.item} of printer ${cache.printer}, united with what its server has
After=local-fs.target
StartLimitIntervalSec=0

[Service]
ExecStart=/bin/sh ${scriptOf(cache)}
ExecStopPost=-/bin/sh ${scriptOf(cache)} stop
Restart=always
RestartSec=1
# It cannot be shown: the plain folder is there.
RestartPreventExitStatus=1
OOMScoreAdjust=-900
`;

const initScript = (cache: Cache): string => `#!/sbin/openrc-run
# Made by statectl at boot.
description="${cache.item} of printer ${cache.printer}, united with what its server has"
supervisor=supervise-daemon
command=/bin/sh
command_args=${scriptOf(cache)}
respawn_max=0
respawn_delay=5
error_log=/dev/kmsg
export SSD_OOM_SCORE_ADJ=-900

depend() {
	after localmount
}

stop_post() {
	/bin/sh ${scriptOf(cache)} stop
	return 0
}
`;

/** The service that shows it, and the mark by which Moonraker's waits until it does. Pure. */
export function planCache(cache: Cache, manager: string | undefined, target = 'default'): readonly Step[] {
  const { printer, item, place, uid, gid, service } = cache;
  const { shared, files, mark } = cacheFolders(spoolPath(printer, item));
  const words = ['--serve-cache', files, '--spool', shared, '--owner', `${uid}:${gid}`, '--mark', mark];
  const program = [PROGRAM, 'agent', ...words];
  const common: readonly Step[] = [
    { kind: 'mkdir', path: dirname(mark), mode: 0o711 },
    { kind: 'write', path: mark, content: '' },
    { kind: 'write', path: scriptOf(cache), content: cacheHolder({ name: service, place, files, mark, program }) },
  ];
  if (manager === 'systemd')
    return [
      ...common,
      { kind: 'write', path: `${UNITS}/${service}.service`, content: unit(cache) },
      { kind: 'mkdir', path: `${UNITS}/multi-user.target.wants`, mode: 0o755 },
      { kind: 'symlink', target: `../${service}.service`, path: `${UNITS}/multi-user.target.wants/${service}.service` },
    ];
  const script = `/etc/init.d/${service}`;
  return [
    ...common,
    { kind: 'mkdir', path: '/etc/init.d', mode: 0o755 },
    { kind: 'write', path: script, content: initScript(cache), mode: 0o755 },
    { kind: 'mkdir', path: `/etc/runlevels/${target}`, mode: 0o755 },
    { kind: 'symlink', target: script, path: `/etc/runlevels/${target}/${service}` },
  ];
}
