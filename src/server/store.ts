import { join } from 'node:path';
import { reasonOf, StatectlError } from '../error.ts';
import type { Host } from '../host/host.ts';
import { type ImageName, isPlainName } from './image-name.ts';

/**
 * The server's state directory:
 * `blobs/sha256/HEX` content by its digest, never changed; `images/NAME/VERSION.json` one record per version;
 * `bundles/` what machines were told last, `bundles/sequence` and `bundles/epoch` its number;
 * `uses.json` who boots what; `reports/MACHINE.json` what machines told; `lock` while somebody changes images; `tmp/`.
 * The keys that sign images never live here.
 */
export interface Store {
  readonly root: string;
  readonly host: StoreHost;
}

export type StoreHost = Pick<Host, 'files' | 'clock'>;

const HEX64 = /^[0-9a-f]{64}$/;

export const isDigest = (text: string): boolean => HEX64.test(text);

export const blobsPath = (store: Store): string => join(store.root, 'blobs', 'sha256');
export const imagesPath = (store: Store): string => join(store.root, 'images');
export const reportsPath = (store: Store): string => join(store.root, 'reports');
export const bundlesPath = (store: Store): string => join(store.root, 'bundles');
export const usesPath = (store: Store): string => join(store.root, 'uses.json');
export const lockPath = (store: Store): string => join(store.root, 'lock');
export const temporaryPath = (store: Store): string => join(store.root, 'tmp');

/** Invariant of all three: only a checked name becomes a path, so no request or record can lead out of the store. */
export function blobPath(store: Store, sha256: string): string {
  if (!isDigest(sha256)) throw new StatectlError('blob-unknown', 'that is not the name of a blob');
  return join(blobsPath(store), sha256);
}

export function imagePath(store: Store, image: ImageName): string {
  if (!isPlainName(image.name) || !isPlainName(image.version))
    throw new StatectlError('image-unknown', 'that is not the name of an image');
  return join(imagesPath(store), image.name, `${image.version}.json`);
}

export function reportPath(store: Store, machineId: string): string {
  if (!/^[0-9a-f-]{1,64}$/.test(machineId)) throw new StatectlError('report-invalid', 'that is not a machine');
  return join(reportsPath(store), `${machineId}.json`);
}

/**
 * Opens a state directory. With `create` its folders are made; without, a missing one is refused (`state-missing`), so
 * that a mistyped path is not answered by an empty list.
 */
export async function openStore(root: string, host: StoreHost, mode: 'create' | 'existing'): Promise<Store> {
  const store: Store = { root, host };
  if (mode === 'existing' && (await host.files.stat(imagesPath(store)))?.type !== 'dir')
    throw new StatectlError('state-missing', `there is no statectl state in ${root}`, {
      hint: 'name the right folder with --state DIR or STATECTL_STATE; `statectl image add` makes a new one',
    });
  if (mode === 'existing') return store;
  try {
    for (const path of [root, blobsPath(store), imagesPath(store), temporaryPath(store)])
      await host.files.mkdir(path, 0o755);
    // Reports tell serial numbers and addresses: for the server's user alone.
    await host.files.mkdir(reportsPath(store), 0o700);
  } catch (cause) {
    throw new StatectlError('state-unusable', `the state folder ${root} cannot be used: ${reasonOf(cause)}`, {
      cause,
      hint: 'run as its owner, or name another with --state DIR',
    });
  }
  return store;
}
