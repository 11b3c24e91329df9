import { nearest } from '../../config/check/suggest.ts';
import type { Host } from '../../host/host.ts';
import type { TaskContext } from '../../host/task-context.ts';
import type { Facts } from '../facts/facts.ts';
import type { ServiceFacts, WantedService } from '../facts/service-facts.ts';
import type { InstallFacts } from '../facts/system-facts.ts';
import { type SystemTree, systemTree } from '../facts/system-tree.ts';
import { sysvLinks } from './sysv-links.ts';
import { ADMIN_UNITS, findUnit, unitName, VENDOR_UNITS } from './unit-file.ts';
import { unitLinks } from './unit-links.ts';

const RUNLEVELS = '/etc/runlevels';
/** The boot brings it itself. */
const OURS = new Set(['statectl-agent', 'statectl-agent.service']);

/** Looks up every service that config.d names. One that the system does not know is told, and so is what goes on running. */
export async function findServices(
  host: Pick<Host, 'files'>,
  facts: Facts,
  { serviceManager }: Pick<InstallFacts, 'serviceManager'>,
  boot: Pick<TaskContext, 'warn'>,
): Promise<Pick<InstallFacts, 'services' | 'defaultTarget'>> {
  const { services, target } = facts.config.services;
  const names = Object.keys(services);
  const tree = systemTree(host, facts);
  const warn = (text: string) => boot.warn(`services: ${text}`);
  const found: Record<string, ServiceFacts> = {};
  for (const [name, state] of Object.entries(services)) {
    if (OURS.has(name)) continue;
    const wanted = { name, state, others: names.filter((other) => other !== name) };
    const links =
      serviceManager === 'openrc'
        ? await openrcLinks(tree, name, target ?? 'default')
        : ((serviceManager === 'systemd' ? await unitLinks(tree, wanted, warn) : undefined) ??
          (await sysvLinks(tree, name)));
    if (links) found[name] = links;
    else warn(await unknown(tree, wanted, serviceManager));
  }
  if (!target || serviceManager !== 'systemd') return { services: found };
  const unit = target.replace(/(\.target)?$/, '.target');
  const booted = await findUnit(tree, unit);
  if (!booted) warn(`the system has no ${unit}: its own default target is booted`);
  return { services: found, ...(booted && { defaultTarget: booted.file }) };
}

/** OpenRC starts what is linked in a runlevel. */
async function openrcLinks(tree: SystemTree, name: string, target: string): Promise<ServiceFacts | undefined> {
  const script = `/etc/init.d/${name}`;
  const started: string[] = [];
  for (const runlevel of await tree.list(RUNLEVELS)) {
    const path = `${RUNLEVELS}/${runlevel}/${name}`;
    if ((await tree.target(path)) !== undefined) started.push(path);
  }
  if (started.length === 0 && (await tree.resolve(script)) === undefined) return undefined;
  return { enable: { [`${RUNLEVELS}/${target}/${name}`]: script }, started, hide: [], mask: [], masked: [] };
}

async function unknown(
  tree: SystemTree,
  { name, state }: WantedService,
  manager: InstallFacts['serviceManager'],
): Promise<string> {
  const isSystemd = manager === 'systemd';
  const folders = isSystemd ? [ADMIN_UNITS, ...VENDOR_UNITS] : ['/etc/init.d'];
  const known = (await Promise.all(folders.map((folder) => tree.list(folder)))).flat();
  const meant = nearest(isSystemd ? unitName(name) : name, known);
  return `${name} is not ${state}: the system has no ${isSystemd ? `unit ${unitName(name)}` : `/etc/init.d/${name}`}${meant ? `; did you mean ${meant}?` : ''}`;
}
