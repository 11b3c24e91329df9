import { join } from 'node:path';
import { reasonOf, StatectlError } from '../../error.ts';
import { fileError } from '../../host/file-error.ts';
import type { Host } from '../../host/host.ts';
import { holderOf } from '../../host/owner.ts';
import { ownersHost } from '../../host/owners-host.ts';
import { type ImageName, isPlainName } from '../images/image-name.ts';

/**
 * The server's state directory:
 * `blobs/sha256/HEX` content by its digest, never changed; `images/NAME/VERSION.json` one record per version;
 * `bundles/` what machines were told last, `bundles/sequence` and `bundles/epoch` its number;
 * `uses.json` who boots what; `reports/MACHINE.json` what anybody told of a machine, `reports/NODE.node.json` what the machine
 * itself told; `lock` while somebody changes images; `tmp/`.
 * The keys that sign images never live here.
 */
export interface Store {
  readonly root: string;
  /** Of whom the folder belongs to: what root makes there the server can read, whichever account it runs as. */
  readonly host: StoreHost;
}

export type StoreHost = Pick<Host, 'files' | 'clock' | 'exec'>;

const HEX64 = /^[0-9a-f]{64}$/;

export const isDigest = (text: string): boolean => HEX64.test(text);

export const blobsPath = (store: Store): string => join(store.root, 'blobs', 'sha256');
export const imagesPath = (store: Store): string => join(store.root, 'images');
export const reportsPath = (store: Store): string => join(store.root, 'reports');
export const bundlesPath = (store: Store): string => join(store.root, 'bundles');
export const usesPath = (store: Store): string => join(store.root, 'uses.json');
export const lockPath = (store: Store): string => join(store.root, 'lock');
export const temporaryPath = (store: Store): string => join(store.root, 'tmp');

/** Invariant of all four: only a checked name becomes a path, so no request or record can lead out of the store. */
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

/** What is known of the disks of a machine that shows its certificate. */
export function nodeDisksPath(store: Store, node: string): string {
  if (!isPlainName(node)) throw new StatectlError('report-invalid', 'that is not the name of a node');
  return join(reportsPath(store), `${node}.disks.json`);
}

/** Of a machine that shows its certificate: nobody else writes it. */
export function nodeReportPath(store: Store, node: string): string {
  if (!isPlainName(node)) throw new StatectlError('report-invalid', 'that is not the name of a node');
  return join(reportsPath(store), `${node}.node.json`);
}

/**
 * Opens a state directory. With `create` its folders are made; without, a missing one is refused (`state-missing`), so
 * that a mistyped path is not answered by an empty list.
 */
export async function openStore(root: string, given: StoreHost, mode: 'create' | 'existing'): Promise<Store> {
  const host = ownersHost(given, root, holderOf);
  const store: Store = { root, host };
  if (mode === 'existing' && (await host.files.stat(imagesPath(store)))?.type !== 'dir')
    throw new StatectlError('state-missing', `there is no statectl state in ${root}`, {
      hint: 'name the right folder with --state DIR or STATECTL_STATE; `statectl image add` makes a new one',
    });
  if (mode === 'existing') return store;
  try {
    for (const path of [blobsPath(store), imagesPath(store), temporaryPath(store), reportsPath(store)])
      await host.files.mkdir(path, PRIVATE);
    await makePrivate(store);
  } catch (cause) {
    const { message = reasonOf(cause), hint = 'run as its owner, or name another with --state DIR' } =
      fileError(cause) ?? {};
    throw new StatectlError('state-unusable', `the state folder ${root} cannot be used: ${message}`, { cause, hint });
  }
  return store;
}

/** Keys, secrets, serial numbers and addresses are below it: for the server's user alone. */
const PRIVATE = 0o700;

/** Also one that an earlier version made, or the admin. */
async function makePrivate({ root, host: { files } }: Store): Promise<void> {
  const stat = await files.stat(root);
  if (stat?.type !== 'dir' || (stat.mode & 0o077) === 0) return;
  await files.chmod(root, PRIVATE).catch((error: NodeJS.ErrnoException) => {
    // Who is not its owner may not; images are served all the same.
    if (error.code !== 'EPERM') throw error;
  });
}
