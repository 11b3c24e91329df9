import { STATE_ITEMS } from '../../protocol/state.ts';
import { isPlainName } from '../images/image-name.ts';
import type { Store } from '../store/store.ts';
import { branchesIn, generationsIn } from './state-folder.ts';

/** A name need not be longer to tell machines apart. */
const LONGEST_NODE = 100;

/** The branch of this boot: the one that it has, or a new name of date, node and boot, as `20261130-print01-3f2a91c0`. */
export async function branchOf(
  store: Store,
  printer: string,
  { node, boot }: { readonly node: string; readonly boot: string },
): Promise<string> {
  const names = await branchesIn(store, printer);
  for (const branch of names)
    for (const item of STATE_ITEMS) {
      const [newest] = await generationsIn(store, printer, { part: 'branch', branch }, item);
      if (newest?.boot === boot && newest.node === node) return branch;
    }
  const day = new Date(store.host.clock.now()).toISOString().slice(0, 10).replaceAll('-', '');
  const whose = isPlainName(node) ? node.slice(0, LONGEST_NODE) : 'machine';
  const name = `${day}-${whose}-${boot.slice(0, 8)}`;
  const isTaken = (wanted: string): boolean => names.includes(wanted);
  for (let count = 1; ; count += 1) {
    const wanted = count === 1 ? name : `${name}-${count}`;
    if (!isTaken(wanted)) return wanted;
  }
}
