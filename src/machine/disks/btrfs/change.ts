import { dirname } from 'node:path/posix';
import { StatectlError } from '../../../error.ts';
import type { Host } from '../../../host/host.ts';
import { planSnapshot, ROLLED_BACK, SNAPSHOTS, snapshotNumbers } from './snapshots.ts';
import { withTopLevel } from './top-level.ts';

type OnHost = Pick<Host, 'files' | 'exec'>;

/** A subvolume, and the numbers of its snapshots. */
export interface FoundSubvolume {
  readonly name: string;
  readonly isThere: boolean;
  readonly snapshots: readonly number[];
}

/** Which of these subvolumes, and of those that only their snapshots tell of, are there. */
export const findSubvolumes = (
  host: OnHost,
  device: string,
  names: readonly string[],
): Promise<readonly FoundSubvolume[]> =>
  withTopLevel(host, device, async ({ at }) => {
    const top = (await host.files.list(at)).filter((name) => name.startsWith('@'));
    const found: FoundSubvolume[] = [];
    for (const name of new Set([...names, ...top])) {
      const snapshots = snapshotNumbers(await host.files.list(`${at}/${SNAPSHOTS}/${name}`).catch(() => []));
      found.push({ name, isThere: (await host.files.stat(`${at}/${name}`)) !== undefined, snapshots });
    }
    return found;
  });

/** Deletes a subvolume, or with a number one snapshot of it. Throws `subvolume-unknown`, `btrfs-failed`. */
export const deleteSubvolume = (host: OnHost, device: string, name: string, snapshot?: number): Promise<void> =>
  withTopLevel(host, device, async ({ at, btrfs }) => {
    const path = snapshot === undefined ? `${at}/${name}` : `${at}/${SNAPSHOTS}/${name}/${snapshot}`;
    if (!(await host.files.stat(path))) throw unknown(snapshot === undefined ? name : `${name} ${snapshot}`);
    await btrfs('subvolume', 'delete', path);
  });

/**
 * Puts a snapshot in the place of its subvolume, which becomes the newest snapshot: a second rollback undoes the first. Cut at any
 * point, the next boot completes it, or it did not begin. Throws as `deleteSubvolume`. Gives the number of what was there.
 */
export const rollBack = (host: OnHost, device: string, name: string, snapshot: number): Promise<number> =>
  withTopLevel(host, device, async ({ at, btrfs }) => {
    const folder = `${at}/${SNAPSHOTS}/${name}`;
    const fresh = `${at}/${ROLLED_BACK}/${name}`;
    if (!(await host.files.stat(`${folder}/${snapshot}`))) throw unknown(`${name} ${snapshot}`);
    await host.files.mkdir(dirname(fresh), 0o700);
    // Of one that was given up: nobody ever saw it.
    if (await host.files.stat(fresh)) await btrfs('subvolume', 'delete', fresh);
    await btrfs('subvolume', 'snapshot', `${folder}/${snapshot}`, fresh);
    const { next } = planSnapshot(await host.files.list(folder), 1);
    if (await host.files.stat(`${at}/${name}`)) await host.files.rename(`${at}/${name}`, `${folder}/${next}`);
    await host.files.rename(fresh, `${at}/${name}`);
    return next;
  });

const unknown = (what: string): StatectlError =>
  new StatectlError('subvolume-unknown', `there is no ${what}`, { hint: '`statectl btrfs list` names what there is' });
