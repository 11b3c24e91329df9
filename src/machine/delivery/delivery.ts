import { basename, dirname } from 'node:path';
import { pathFault } from '../../config/settings/delivered-path.ts';
import { reasonOf, StatectlError } from '../../error.ts';
import type { Host } from '../../host/host.ts';
import type { Mount } from '../../host/kernel/mount-table.ts';
import type { TaskContext } from '../../host/task-context.ts';
import { resolveInTree } from '../../host/tree.ts';
import type { BundleEntry } from '../../signed/bundle/entry.ts';
import { parseBundleManifest, sha256Of } from '../../signed/bundle/manifest.ts';
import { accountNumber, parseAccounts } from '../accounts/accounts.ts';
import type { DeliveredFile, DeliveryFacts, DroppedFile } from '../facts/bundle-facts.ts';
import { findBlock, userDataDevice } from '../facts/disks.ts';
import type { Facts } from '../facts/facts.ts';
import { IMAGE_MOUNT, RUN } from '../paths.ts';
import { places } from '../places/places.ts';
import { at, type MachineHost, machineMounts } from '../roots.ts';
import type { Step } from '../steps/step.ts';
import { BUNDLES } from './take-bundle.ts';

type Files = Host['files'];
type Rooted = Pick<MachineHost, 'files' | 'roots'>;

/** What bundles brought to places that persist: paths in the root, one a line. */
const LIST = `${BUNDLES}/delivered`;

/** Where files of config.d in the initramfs lie as those of a bundle do. */
const BAKED = `${RUN}/baked`;

/** Where the files of the bundle in force go. What cannot be delivered is told, and no reason not to boot. */
export async function deliveryFacts(
  host: MachineHost,
  facts: Facts,
  boot: TaskContext,
): Promise<DeliveryFacts | undefined> {
  const { files } = host;
  const {
    bundle: { inForce: bundle, bakedFiles },
  } = facts;
  if (!bundle && !bakedFiles) return undefined;
  const dir = bundle?.dir ?? BAKED;
  const entries = bundle
    ? await readEntries(files, dir, bundle.digest).catch((error) => {
        boot.warn(`no file of the bundle is delivered: ${reasonOf(error)}`);
        return undefined;
      })
    : bakedFiles?.map((file) => ({ ...file, sha256: sha256Of(file.content) }));
  if (!entries) return undefined;
  const mounts = await machineMounts(host);
  const [users, groups] = [await accounts(files, '/etc/passwd'), await accounts(files, '/etc/group')];
  const delivered = new Map<string, DeliveredFile>();
  for (const { path, mode, owner, group, sha256 } of entries)
    try {
      const real = await writablePath(host, mounts, path);
      if (delivered.has(real)) throw new Error(`another file of the bundle is ${real} too`);
      const from = `${dir}/files/${sha256}`;
      const [uid, gid] = [numberOf(users, owner, 'user'), numberOf(groups, group, 'group')];
      delivered.set(real, { from, to: real, sha256, mode, uid, gid });
    } catch (error) {
      boot.warn(`${path} of ${bundle ? 'the bundle' : 'config.d'} is not delivered: ${reasonOf(error)}`);
    }
  const listedBefore = await readList(files, facts);
  const dropped: DroppedFile[] = [];
  for (const path of listedBefore)
    if (!delivered.has(path) && isPersistent(facts, path) && (await isRemovable(host, mounts, path)))
      dropped.push(await droppedFile(files, path));
  const gone = new Set(dropped.map(({ path }) => path));
  const listed = [...delivered.keys()].filter((path) => keepsList(facts) && isPersistent(facts, path));
  const contents = Object.fromEntries(
    (bundle ? [] : (bakedFiles ?? [])).map(({ content }) => [`${BAKED}/files/${sha256Of(content)}`, content]),
  );
  return {
    ...(!bundle && { contents }),
    files: [...delivered.values()],
    dropped,
    listedBefore,
    listed: [...new Set([...listed, ...listedBefore.filter((path) => !gone.has(path))])].toSorted(),
  };
}

/** For one file after another: where it goes, and whose it is. Throws why it cannot be there. */
export async function deliveryPlaces(host: MachineHost) {
  const { files } = host;
  const mounts = await machineMounts(host);
  const [users, groups] = [await accounts(files, '/etc/passwd'), await accounts(files, '/etc/group')];
  return async ({ path, owner, group }: Pick<BundleEntry, 'path' | 'owner' | 'group'>) => ({
    to: await writablePath(host, mounts, path),
    uid: numberOf(users, owner, 'user'),
    gid: numberOf(groups, group, 'group'),
  });
}

/** For one folder after another, whose it is by number. Throws where nothing can be made, or nobody has the name. */
export async function folderOwners(host: MachineHost) {
  const { files } = host;
  const mounts = await machineMounts(host);
  const [users, groups] = [await accounts(files, '/etc/passwd'), await accounts(files, '/etc/group')];
  return (path: string, owner: string, group: string) => {
    if (!isWritable(host, mounts, `${path}/.`)) throw new Error('that place is read-only');
    return { uid: numberOf(users, owner, 'user'), gid: numberOf(groups, group, 'group') };
  };
}

/** Pure. */
export function planDelivery({ bundle: { delivery } }: Facts): readonly Step[] {
  if (!delivery) return [];
  const { contents = {}, files, dropped } = delivery;
  const { before, after } = planDeliveryList(delivery);
  return [
    ...(Object.keys(contents).length > 0 ? [{ kind: 'mkdir', path: `${BAKED}/files`, mode: 0o700 } as const] : []),
    ...Object.entries(contents).map(([path, content]): Step => ({ kind: 'write', path, content, mode: 0o600 })),
    ...before,
    ...files.map((file): Step => ({ kind: 'deliver', ...file })),
    ...dropped.map((file): Step => ({ kind: 'drop', ...file })),
    ...after,
  ];
}

/** Whenever the power goes, the list names at least what is there. Pure. */
export function planDeliveryList({ listedBefore, listed }: DeliveryFacts) {
  const meanwhile = [...new Set([...listedBefore, ...listed])].toSorted();
  return { before: planList(listedBefore, meanwhile), after: planList(meanwhile, listed) };
}

const planList = (before: readonly string[], now: readonly string[]): readonly Step[] =>
  before.length === now.length
    ? []
    : [{ kind: 'write', path: LIST, content: now.map((path) => `${path}\n`).join(''), mode: 0o600 }];

/** The list lies beside the bundle: a disk that could not keep one is not written to again. */
const keepsList = ({ bundle: { inForce: bundle } }: Facts): boolean => bundle?.dir.startsWith('/user-data/') ?? false;

const readList = async (files: Files, facts: Facts): Promise<readonly string[]> =>
  keepsList(facts)
    ? [...new Set((await files.readText(LIST).catch(() => '')).split('\n'))]
        .filter((path) => pathFault(path) === undefined)
        .toSorted()
    : [];

/** The manifest that was verified, and no other. */
async function readEntries(files: Files, dir: string, digest: string): Promise<readonly BundleEntry[]> {
  const text = await files.readText(`${dir}/manifest.json`);
  if (sha256Of(text) !== digest) throw new Error(`${dir} changed after it was verified`);
  return parseBundleManifest(text).entries;
}

/** The path without links, where a file can be written. Throws why not. */
export async function writablePath(host: Rooted, mounts: readonly Mount[], path: string): Promise<string> {
  const { files } = host;
  const folder = await realFolder(files, dirname(path));
  if (folder === undefined) throw new Error(`${dirname(path)} is no folder that can be made`);
  const real = `${folder}/${basename(path)}`;
  const fault = pathFault(real);
  if (fault) throw new Error(`${real} ${fault}`);
  if ((await files.stat(real))?.type === 'dir') throw new Error('the system has a folder there');
  if (!isWritable(host, mounts, real))
    throw new StatectlError('place-read-only', 'that place is read-only (system/overlays.conf makes places writable)');
  return real;
}

/** Links are followed as the system will, never out of the root; what is missing can be made. undefined: a file is in the way. */
async function realFolder(files: Files, folder: string): Promise<string | undefined> {
  if (folder === '/') return '';
  const found = await resolveInTree(files, '/', folder).catch(() => undefined);
  if (found?.stat.type === 'dir') return found.path === '/' ? '' : found.path;
  const above = await realFolder(files, dirname(folder));
  if (above === undefined || found) return undefined;
  const here = `${above}/${basename(folder)}`;
  const there = await files.stat(here);
  // A link that leads nowhere stays in the way.
  return there === undefined || there.type === 'dir' ? here : undefined;
}

/** By the innermost mount; the last one where there are several. */
function isWritable({ roots }: Rooted, mounts: readonly Mount[], path: string): boolean {
  const place = at(roots, path);
  const around = mounts
    .filter(({ target }) => target === '/' || place.startsWith(`${target}/`))
    .toSorted((a, b) => a.target.length - b.target.length)
    .at(-1);
  return around !== undefined && !around.options.includes('ro');
}

/** What survives a reboot, by the innermost place. */
function isPersistent(facts: Facts, path: string): boolean {
  const disk = userDataDevice(facts) !== undefined;
  const {
    config,
    root: { blocks = [] },
  } = facts;
  const mounted = Object.entries(config.fstab)
    .filter(([, { source }]) => findBlock(blocks, source))
    .map(([mountPoint]) => ({ mountPoint, persistent: true }));
  return (
    [...places(config, disk), ...mounted, { mountPoint: '/user-data', persistent: disk }]
      .filter(({ mountPoint }) => path.startsWith(`${mountPoint}/`))
      .toSorted((a, b) => a.mountPoint.length - b.mountPoint.length)
      .at(-1)?.persistent ?? false
  );
}

/** Still where it was brought to: no link has come into its way since. */
async function isRemovable(host: Rooted, mounts: readonly Mount[], path: string): Promise<boolean> {
  const { files } = host;
  const isSame = (await realFolder(files, dirname(path))) === dirname(path).replace(/^\/$/, '');
  return isSame && isWritable(host, mounts, path) && (await files.stat(path))?.type !== 'dir';
}

async function droppedFile(files: Files, path: string): Promise<DroppedFile> {
  const { type } = (await files.stat(IMAGE_MOUNT + path)) ?? {};
  const isInImage = type === 'file' || type === 'symlink';
  return { path, ...(isInImage && { image: IMAGE_MOUNT + path }) };
}

async function accounts(files: Files, path: string): Promise<ReadonlyMap<string, number>> {
  const found = await resolveInTree(files, '/', path).catch(() => undefined);
  const text = found ? await files.readText(found.path).catch(() => '') : '';
  return parseAccounts(text);
}

function numberOf(known: ReadonlyMap<string, number>, name: string, what: string): number {
  // A system without the file still has root.
  const number = name === 'root' ? 0 : accountNumber(known, name);
  if (number === undefined) throw new Error(`this system has no ${what} "${name}"`);
  return number;
}
