import { dirname } from 'node:path/posix';
import type { Host } from '../../../host/host.ts';
import { planSnapshot, ROLLED_BACK, SNAPSHOTS } from './snapshots.ts';
import { type TopLevel, withTopLevel } from './top-level.ts';

/** For the look after it: the devices whose subvolumes are not as they should be, a file each. */
export const NOT_ARRANGED = '/run/statectl/btrfs-failed';

export interface Arrange {
  /** Of blkid(8), at this moment. */
  readonly device: string;
  /** As btrfs.conf names it. */
  readonly filesystem: string;
  readonly subvolumes: readonly { readonly name: string; readonly snapshots: number }[];
}

/** Makes subvolumes that are absent, and a snapshot of those that were there; old snapshots beyond their number go. Nothing else does. */
export const arrange = (host: Pick<Host, 'files' | 'exec'>, { device, subvolumes }: Arrange): Promise<void> =>
  withTopLevel(host, device, async (top) => {
    for (const { name, snapshots } of subvolumes) {
      const isNew = !(await isThere(host, `${top.at}/${name}`));
      if (isNew) await bring(host, top, name);
      else if (snapshots > 0) await takeSnapshot(host, top, name, snapshots);
    }
  });

const isThere = async ({ files }: Pick<Host, 'files'>, path: string): Promise<boolean> =>
  (await files.stat(path)) !== undefined;

/** One that a rollback was about to put there, when the power went, or else an empty one. */
async function bring(host: Pick<Host, 'files'>, { at, btrfs }: TopLevel, name: string): Promise<void> {
  await host.files.mkdir(dirname(`${at}/${name}`));
  const rolledBack = `${at}/${ROLLED_BACK}/${name}`;
  if (await isThere(host, rolledBack)) await host.files.rename(rolledBack, `${at}/${name}`);
  else await btrfs('subvolume', 'create', `${at}/${name}`);
}

async function takeSnapshot(host: Pick<Host, 'files'>, { at, btrfs }: TopLevel, name: string, keep: number) {
  const folder = `${at}/${SNAPSHOTS}/${name}`;
  await host.files.mkdir(folder, 0o700);
  const { next, drop } = planSnapshot(await host.files.list(folder), keep);
  await btrfs('subvolume', 'snapshot', '-r', `${at}/${name}`, `${folder}/${next}`);
  for (const number of drop) await btrfs('subvolume', 'delete', `${folder}/${number}`);
}
