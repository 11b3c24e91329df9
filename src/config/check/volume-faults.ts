import type { Config } from '../config.ts';
import type { ConfigDir } from '../config-dir.ts';
import { effectiveOf } from '../effective.ts';
import type { NodeRecord } from '../nodes/nodes.ts';
import { fixedAddresses } from '../settings/fixed-addresses.ts';
import { originOf, placeOf } from '../tree/tree.ts';
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
