import { dirname } from 'node:path';
import type { Config } from '../../config/config.ts';
import { foldersAbove } from '../../config/settings/folders-above.ts';
import { reasonOf } from '../../error.ts';
import type { TaskContext } from '../../host/task-context.ts';
import { folderOwners } from '../delivery/delivery.ts';
import type { OwnedFolder } from '../facts/bundle-facts.ts';
import type { MachineHost } from '../roots.ts';
import type { Step } from '../steps/step.ts';

/** A folder that config.d gives to somebody, by names of the system. */
interface Wanted {
  readonly path: string;
  readonly owner: string;
  readonly group: string;
}

/** Places in RAM with an owner, the data of printers and what lies in it; what is around a folder before it. Pure. */
function wantedFolders({ tmpfs, state }: Pick<Config, 'tmpfs' | 'state'>): readonly Wanted[] {
  const inRam = Object.entries(tmpfs).flatMap(([path, { owner }]) => (owner ? [{ path, ...owner }] : []));
  const ofPrinters = Object.values(state.printers).flatMap(({ data, user, group, items }) => [
    { path: data, owner: user, group },
    ...items.map((item) => ({
      path: item.kind === 'variables' ? dirname(item.path) : item.path,
      owner: item.owner,
      group: item.group,
    })),
  ]);
  // What a folder is said to be itself counts before what is said of a file in it.
  const byPath = new Map([...ofPrinters.toReversed(), ...inRam].map((one) => [one.path, one]));
  return [...byPath.values()].toSorted((a, b) => (a.path < b.path ? -1 : 1));
}

/** Which of them are missing or still root's. What cannot be is told, and no reason not to boot. */
export async function ownedFolders(
  host: MachineHost,
  { config }: { readonly config: Config },
  { warn }: Pick<TaskContext, 'warn'>,
): Promise<readonly OwnedFolder[] | undefined> {
  const wanted = wantedFolders(config);
  if (wanted.length === 0) return undefined;
  const found = new Map<string, OwnedFolder>();
  const failed = new Map<string, readonly string[]>();
  const ownersOf = await folderOwners(host);
  for (const { path, owner, group } of wanted)
    try {
      const whose = ownersOf(path, owner, group);
      for (const folder of [...foldersAbove(path), path]) {
        if (found.has(folder)) continue;
        const stat = await host.files.stat(folder);
        // A link of somebody who may write there would give away what it leads to.
        if (stat && stat.type !== 'dir') throw new Error(`${folder} is no folder but a ${stat.type}`);
        // The mount phase made the way to a mount point as root's.
        const isTheirs = folder === path || (dirname(folder) !== '/' && folder.endsWith(`/${owner}`));
        if (stat === undefined) found.set(folder, { path: folder, ...whose, isMissing: true });
        else if (isTheirs && stat.uid === 0 && whose.uid !== 0) found.set(folder, { path: folder, ...whose });
      }
    } catch (error) {
      const why = `for ${owner}: ${reasonOf(error)}`;
      failed.set(why, [...(failed.get(why) ?? []), path]);
    }
  for (const [why, paths] of failed) warn(`not made ${why} (${paths.join(', ')})`);
  return [...found.values()];
}

/** Pure. */
export const planOwnedFolders = (folders: readonly OwnedFolder[] = []): readonly Step[] =>
  folders.flatMap(({ path, uid, gid, isMissing }): readonly Step[] => [
    ...(isMissing ? [{ kind: 'mkdir', path, mode: 0o755 } as const] : []),
    { kind: 'owner', path, uid, gid },
  ]);
