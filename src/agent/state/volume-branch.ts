import { reasonOf } from '../../error.ts';
import { archiveFolder } from '../../machine/state/drbd/folder-archive.ts';
import type { StateItem } from '../../machine/state/restore.ts';
import { sha256Of } from '../../signed/bundle/manifest.ts';
import type { ItemStatus } from './item-status.ts';
import type { KeeperContext } from './keeper.ts';
import { shipGeneration } from './ship-generation.ts';

type Context = KeeperContext<StateItem<'drbd'>>;

/** Ships what is in the folder, whole, where it is other than what was shipped. Gives how it stands; never throws but by the signal. */
export type ShipBranch = (signal: AbortSignal) => Promise<ItemStatus>;

/** What a boot without its volume has in RAM, for the server to keep beside the line. */
export function branchShipper(context: Context, because: string): ShipBranch {
  const { host, item, account } = context;
  let seen: string | undefined;
  let shipped: string | undefined;
  let status: ItemStatus = { state: 'branch', why: because };
  let sinceMs: number | undefined;

  return async (signal) => {
    try {
      await using tree = await host.files.openTree(item.path, account);
      const look = (await tree.scan()).files.map(({ path, stamp }) => `${path} ${stamp}`).join('\n');
      if (look === seen) return status;
      const archive = await archiveFolder(tree);
      const sha256 = archive && sha256Of(archive.tar);
      if (archive && sha256 !== undefined && sha256 !== shipped) {
        sinceMs ??= host.clock.now();
        const answer = await shipGeneration(context, archive.tar, signal);
        const { branch, why = because, lacking = [] } = answer.on === 'branch' ? answer : {};
        shipped = sha256;
        const left = archive.left.length === 0 ? '' : `; not in it: ${archive.left.slice(0, MOST_NAMES).join(', ')}`;
        status = {
          ...{ state: 'branch', lastMs: host.clock.now(), lacking, why: `${because}; ${why}${left}` },
          ...(branch !== undefined && { branch }),
        };
      }
      seen = look;
      sinceMs = undefined;
      return status;
    } catch (error) {
      signal.throwIfAborted();
      sinceMs ??= host.clock.now();
      return { ...status, state: 'ahead', ahead: 'what is in RAM', sinceMs, why: `${because}; ${reasonOf(error)}` };
    }
  };
}

const MOST_NAMES = 5;
