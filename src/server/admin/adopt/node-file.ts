import { posix } from 'node:path';
import { stringify } from 'yaml';
import { configInvalid, formatFault } from '../../../config/check/fault.ts';
import { readConfigDir } from '../../../config/config-dir.ts';
import { effectiveOf, layersOf } from '../../../config/effective.ts';
import { editValue } from '../../../config/history/edit-value.ts';
import { type Snapshot, snapshotHost, takeSnapshot } from '../../../config/history/snapshot.ts';
import { checkSnapshot } from '../../../config/load-revision.ts';
import { EtcFile } from '../../../config/schema/etc.ts';
import { HostName } from '../../../config/settings/scalars.ts';
import { type Plain, treeAt } from '../../../config/tree/tree.ts';
import { entryOf } from '../../../entry-of.ts';
import { StatectlError } from '../../../error.ts';
import type { Host } from '../../../host/host.ts';
import { normalClaim } from '../../../protocol/claims.ts';
import type { NodePrinter } from '../../state/node-printer.ts';
import { DEFAULT_QUOTAS } from '../../state/node-printer.ts';
import type { HostFacts } from './host-facts.ts';
import type { Instance } from './instances.ts';

/** What a printer of the host will be, where config.d does not say it yet. */
export interface WantedPrinter {
  readonly instance: Instance;
  readonly group: string;
  /** Of [save_variables], where it is not the usual one. */
  readonly variables?: string;
  readonly gcodeBytes: number;
}

/** The file of config.d that makes the host a node, and what comes of it. */
export interface NodePlan {
  readonly node: string;
  readonly file: string;
  readonly before: string | undefined;
  readonly after: string;
  /** As the server will have them, by name. */
  readonly printers: ReadonlyMap<string, NodePrinter>;
}

const GIB = 1024 ** 3;
const USUAL_VARIABLES = 'config/variables.cfg';

/**
 * Plans what config.d says then; it is written when everything else is there. A printer that the node has already stays as it is
 * said. Throws `config-invalid` where the whole would not be right, `adopt-name` where a printer is another node's.
 */
export async function planNode(
  host: Pick<Host, 'files'>,
  config: string,
  {
    node,
    facts,
    printers,
  }: { readonly node: string; readonly facts: HostFacts; readonly printers: readonly WantedPrinter[] },
): Promise<NodePlan> {
  const { snapshot, faults } = await takeSnapshot(host, config);
  if (faults.length > 0) throw configInvalid(faults, 'correct them first: `statectl config check`');
  const dir = await dirOf(snapshot);
  const record = dir.nodes.nodes.get(node);
  const isShared =
    record !== undefined && [...dir.nodes.nodes.values()].filter(({ file }) => file === record.file).length > 1;
  for (const { instance } of printers)
    for (const other of dir.nodes.nodes.values())
      if (other.name !== node && treeAt(layersOf(dir, other).settings, ['state', 'printers', instance.name]))
        throw new StatectlError('adopt-name', `${instance.name} is a printer of ${other.name} (${other.file})`, {
          hint: `give this one another name: --printer NAME=${instance.data}`,
        });
  const own = record && treeAt(layersOf(dir, record).settings, ['state', 'printers']);
  const known = (name: string) => (own?.kind === 'mapping' ? own.entries.has(name) : false);
  const missing = printers.filter(({ instance }) => !known(instance.name));
  const file = isShared ? `nodes/${node}-printers.conf` : (record?.file ?? `nodes/${node}.conf`);
  const before = snapshot.get(file);
  if (record === undefined && before !== undefined)
    throw new StatectlError('adopt-name', `${file} is there, and names no node ${node}`, {
      hint: 'name the node that it shall be: --node NAME',
    });
  let after = before ?? (isShared ? `group: ${node}-printers\nnodes: ${node}\n` : newNode(node, facts));
  for (const one of missing)
    after = editValue(after, ['set', 'state', 'printers', one.instance.name], settingsOf(one, facts), file);
  const next = new Map(snapshot).set(file, after);
  const knownFaults = new Set((await checkSnapshot(snapshot)).map(formatFault));
  const added = (await checkSnapshot(next)).filter((fault) => !knownFaults.has(formatFault(fault)));
  if (added.length > 0)
    throw configInvalid(
      added,
      'nothing was taken yet: what the host has does not fit to config.d; see --node and --printer',
    );
  const then = await dirOf(next);
  const effective = effectiveOf(then, then.nodes.nodes.get(node));
  if (!effective.config) throw configInvalid(effective.faults);
  const { printers: all } = effective.config.state;
  for (const { instance } of printers) {
    const data = entryOf(all, instance.name)?.data;
    if (data !== instance.data)
      throw new StatectlError(
        'adopt-name',
        `${instance.name} of ${node} has its data in ${data}, and not in ${instance.data}`,
        {
          hint: `name them: --printer NAME=DIR`,
        },
      );
  }
  return { node, file, before, after, printers: new Map(Object.entries(all)) };
}

const dirOf = async (snapshot: Snapshot) => {
  const { host, dir } = snapshotHost(snapshot);
  return await readConfigDir(host, dir);
};

/** A machine is known by its wired card, where it has one; else by the name that DHCP gives it. */
function newNode(node: string, { macs, hostname, timezone }: HostFacts): string {
  const mac = macs.map((one) => normalClaim('mac', one)).find((one) => one !== undefined);
  const name = normalClaim('hostname', hostname);
  const match = mac !== undefined ? { mac } : name !== undefined && name !== node ? { hostname: name } : undefined;
  // By its name it is found today, in slicers and browsers.
  const called = hostname !== node && HostName.safeParse(hostname).success ? { hostname } : {};
  const zone = EtcFile.safeParse({ timezone }).success && timezone !== '' ? { timezone } : {};
  const etc = { ...called, ...zone };
  return stringify({ node, ...(match && { match }), ...(Object.keys(etc).length > 0 && { set: { etc } }) });
}

/** Only what is not as everywhere. */
function settingsOf({ instance, group, variables, gcodeBytes }: WantedPrinter, facts: HostFacts): Plain {
  const { data, user, services, programs, socket } = instance;
  const beside = posix.dirname(data);
  const usual = (name: 'klipper' | 'moonraker') => posix.join(beside, name);
  const elsewhere = {
    ...(programs.klipper !== undefined && programs.klipper !== usual('klipper') && { klipper: programs.klipper }),
    ...(programs.moonraker !== undefined &&
      programs.moonraker !== usual('moonraker') && { moonraker: programs.moonraker }),
  };
  const needed = Math.ceil((gcodeBytes * 2) / GIB);
  return {
    data,
    user,
    ...(user === facts.user && group !== user && { group }),
    ...(variables !== undefined && variables !== USUAL_VARIABLES && { variables }),
    ...(socket !== undefined && socket !== `${data}/comms/klippy.sock` && { socket }),
    ...(Object.keys(services).length > 0 && { services: { ...services } }),
    ...(Object.keys(elsewhere).length > 0 && { programs: elsewhere }),
    ...(gcodeBytes > DEFAULT_QUOTAS.gcodeQuotaBytes / 2 && { gcodeQuota: `${needed}G` }),
  };
}
