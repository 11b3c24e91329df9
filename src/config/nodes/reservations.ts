import type { ConfigDir } from '../config-dir.ts';
import { effectiveOf } from '../effective.ts';

/** An address that DHCP gives a machine each time. */
export interface Reservation {
  readonly node: string;
  readonly macs: readonly string[];
  readonly address: string;
}

/** What config.d relies on: the addresses that places of state.conf name. A node that is known by no card has none. Pure. */
export function reservationsOf(dir: ConfigDir): readonly Reservation[] {
  return [...dir.nodes.nodes.values()].flatMap((node) => {
    const { mac: macs = [] } = node.match;
    const printers = Object.values(effectiveOf(dir, node).config?.state.printers ?? {});
    const said = printers.flatMap(({ items }) =>
      items.flatMap((item) => (item.kind === 'drbd' && item.address !== undefined ? [item.address] : [])),
    );
    return macs.length === 0 ? [] : [...new Set(said)].map((address) => ({ node: node.name, macs, address }));
  });
}
