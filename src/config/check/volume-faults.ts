import type { Config } from '../config.ts';
import type { ConfigDir } from '../config-dir.ts';
import { effectiveOf } from '../effective.ts';
import type { NodeRecord } from '../nodes/nodes.ts';
import { fixedAddresses } from '../settings/fixed-addresses.ts';
import { type Origin, originOf, placeOf, treeAt } from '../tree/tree.ts';
import { type ConfigFault, faultAt } from './fault.ts';

/**
 * Volumes of DRBD that no server can be the other side of, since nobody knows where the machine will be, and those that a server
 * could not keep beside the line. Their boot goes on without, in RAM alone: so this is for the check. Pure.
 */
export function volumeFaults(
  dir: ConfigDir,
  node: NodeRecord,
  { state, network }: Pick<Config, 'state' | 'network'>,
): readonly ConfigFault[] {
  const hasAddress = fixedAddresses(network).length > 0;
  const found = Object.values(state.printers).flatMap(({ name, items, quotaBytes }) =>
    items.flatMap((item) => {
      if (item.kind !== 'drbd') return [];
      const setting = ['state', 'places', item.path];
      return [
        ...(hasAddress || item.address !== undefined ? [] : [{ setting, message: NOWHERE, beside: undefined }]),
        ...(item.sizeBytes <= quotaBytes
          ? []
          : [
              {
                setting: [...setting, 'size'],
                message: `the volume is larger than what a server keeps of ${name}: a boot that has to do without it is kept whole`,
                beside: ['state', 'printers', name, 'quota'],
              },
            ]),
      ];
    }),
  );
  if (found.length === 0) return [];
  const { settings } = effectiveOf(dir, node);
  return found.map(({ setting, message, beside }) =>
    faultAt(originOf(settings, setting), beside ? `${message} (${placeOf(originOf(settings, beside))})` : message),
  );
}

const NOWHERE =
  'a volume of DRBD needs a machine that is always at the same address: give it addresses in network.conf, or say address here, as DHCP reserves it';

/** Where a machine with a volume is, and where that was said. */
interface VolumeAddress {
  readonly address: string;
  readonly node: NodeRecord;
  readonly at: Origin;
}

/** Machines with volumes that are said to be at one address: the server could meet one of them alone. Pure. */
export function sharedAddressFaults(
  dir: ConfigDir,
): readonly { readonly fault: ConfigFault; readonly node: NodeRecord }[] {
  const { base, nodes } = dir;
  const said = [base, ...[...nodes.groups.values(), ...nodes.nodes.values()].map(({ set }) => set)];
  if (!said.some((tree) => treeAt(tree, ['state', 'places']))) return [];
  const all = [...nodes.nodes.values()].flatMap((node) => addressesOf(dir, node));
  return [...Map.groupBy(all, ({ address }) => address).values()].flatMap((same) =>
    same.flatMap(({ address, node, at }) => {
      const other = same.find((one) => one.node !== node);
      if (!other) return [];
      const why = `${address} is where the volume of ${other.node.name} is, too (${placeOf(other.at)}): each machine needs an address of its own`;
      return [{ node, fault: faultAt(at, why) }];
    }),
  );
}

function addressesOf(dir: ConfigDir, node: NodeRecord): readonly VolumeAddress[] {
  const { config, settings } = effectiveOf(dir, node);
  if (!config) return [];
  const fixed = fixedAddresses(config.network).map(({ address }) => address);
  return Object.values(config.state.printers).flatMap(({ items }) =>
    items.flatMap((item) => {
      if (item.kind !== 'drbd') return [];
      const place = ['state', 'places', item.path];
      const at = originOf(settings, item.address === undefined ? place : [...place, 'address']);
      return (item.address === undefined ? fixed : [item.address]).map((address) => ({ address, node, at }));
    }),
  );
}
