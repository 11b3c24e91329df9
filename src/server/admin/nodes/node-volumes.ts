import { randomBytes, randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import type { Config } from '../../../config/config.ts';
import { fixedAddresses } from '../../../config/settings/fixed-addresses.ts';
import { StatectlError } from '../../../error.ts';
import { holdLock } from '../../../host/lock.ts';
import { openSecretStore } from '../../machines/secret-store.ts';
import { allot } from '../../state/drbd/allot.ts';
import { readAsked } from '../../state/drbd/asked.ts';
import { chooseAddresses } from '../../state/drbd/choose-addresses.ts';
import { planVolume, type VolumePlan } from '../../state/drbd/plan-volume.ts';
import { resourceText } from '../../state/drbd/resource-file.ts';
import { type HostFacts, hostFacts, volumeFacts } from '../../state/drbd/volume-facts.ts';
import { diskOf, volumesFolder } from '../../state/drbd/volume-paths.ts';
import {
  type Backing,
  readVolume,
  secretOf,
  type Volume,
  volumesIn,
  writeVolume,
} from '../../state/drbd/volume-record.ts';
import { lockPrinter } from '../../state/state-folder.ts';
import type { Store } from '../../store/store.ts';
import type { ServerState } from '../server-state.ts';

/** A node, and what config.d says of it. */
export interface VolumeNode {
  readonly name: string;
  readonly config: Pick<Config, 'state' | 'network' | 'server'>;
}

/** What a person says of its volumes. */
export interface VolumeWish {
  readonly address?: string;
  readonly machineAddress?: string;
  readonly backing?: Backing;
}

/** A volume with what is to be done for it. */
export interface PlannedVolume {
  readonly volume: Volume;
  readonly sizeBytes: number;
  readonly plan: VolumePlan;
  /** With the secret: for a file of mode 0600 alone. */
  readonly resourceText: string;
  /** Without it, for eyes. */
  readonly shownText: string;
}

/** Nobody else allots anything meanwhile. Throws `locked`. */
export const lockVolumes = ({ root, host }: Store): Promise<AsyncDisposable> =>
  holdLock(host, join(root, 'drbd.lock'), `giving out volumes of ${root}`);

/**
 * Allots what the volumes of a node need, once and for all, and says what is to be done so that each is there. Under `lockVolumes`. Throws
 * `volume-none`, `volume-unusable`.
 */
export async function planVolumes(
  state: ServerState,
  store: Store,
  node: VolumeNode,
  wish: VolumeWish,
): Promise<readonly PlannedVolume[]> {
  const items = Object.values(node.config.state.printers).flatMap(({ name: printer, items: all }) =>
    all.flatMap((item) => (item.kind === 'drbd' ? [{ printer, item }] : [])),
  );
  if (items.length === 0)
    throw new StatectlError('volume-none', `${node.name} has no place of kind drbd`, {
      hint: 'say so of one in system/state.conf: places: { /home/pi/printer_data/database: { kind: drbd, printer: voron, size: 64M } }',
    });
  if (wish.backing?.on === 'device' && items.length > 1)
    throw new StatectlError('usage', `${node.name} has ${items.length} volumes, and one device is for one`, {
      hint: 'use --volume-group VG',
    });
  const facts = await hostFacts(state.host);
  const planned: PlannedVolume[] = [];
  for (const { printer, item } of items) {
    const volume = await allotted(store, node, { printer, item: item.name }, { wish, facts, reserved: item.address });
    planned.push(await planOf(state, store, volume, facts, item.sizeBytes));
  }
  return planned;
}

/** The plan of a volume that has its addresses. */
export async function planOf(
  state: ServerState,
  store: Store,
  volume: Volume,
  facts: HostFacts,
  sizeBytes: number,
): Promise<PlannedVolume> {
  const { resource, port, minor, node, addresses } = volume;
  if (!addresses) throw new StatectlError('volume-unusable', `${resource} has no addresses`, { hint: MAKE });
  const sides = {
    ...{ resource, port, minor, version: facts.version },
    server: { host: facts.name, address: addresses.server, disk: diskOf(volume) },
    machine: { node, address: addresses.machine },
  };
  const text = resourceText({ ...sides, secret: await secretFor(store, volume) });
  const wanted = { sizeBytes, resourceText: text, root: store.root };
  const plan = planVolume(volume, await volumeFacts({ root: store.root, host: state.host }, volume, facts), wanted);
  return { volume, sizeBytes, plan, resourceText: text, shownText: resourceText(sides) };
}

const MAKE = 'statectl node drbd NODE';

async function allotted(
  store: Store,
  { name: node, config }: VolumeNode,
  { printer, item }: { readonly printer: string; readonly item: string },
  {
    wish,
    facts,
    reserved,
  }: { readonly wish: VolumeWish; readonly facts: HostFacts; readonly reserved: string | undefined },
): Promise<Volume> {
  await using _lock = await lockPrinter(store, printer);
  const known = await readVolume(store, printer, item);
  const asked = await readAsked(store, printer, item);
  const addresses = chooseAddresses({
    said: {
      ...(wish.address !== undefined && { server: wish.address }),
      ...(wish.machineAddress !== undefined && { machine: wish.machineAddress }),
    },
    ...(known?.addresses && { before: known.addresses }),
    ...(asked && { asked }),
    ...(reserved !== undefined && { reserved }),
    fixed: fixedAddresses(config.network),
    servers: config.server.servers,
    own: facts.own,
  });
  if ('why' in addresses)
    throw new StatectlError('volume-unusable', `${item} of ${printer}: ${addresses.why}`, { hint: addresses.next });
  const volume = { ...(known ?? (await newVolume(store, node, printer, item, facts))), node, addresses };
  await writeVolume(store, volume);
  return withWish(volume, wish);
}

async function newVolume(store: Store, node: string, printer: string, item: string, facts: HostFacts): Promise<Volume> {
  const { volumes, torn } = await volumesIn(store);
  // What it has may be what would be given out.
  if (torn.length > 0) throw torn[0];
  const { others, listening } = facts;
  const taken = {
    ports: new Set([...volumes.map(({ port }) => port), ...others.ports, ...listening]),
    minors: new Set([...volumes.map(({ minor }) => minor), ...others.minors]),
    resources: new Set([...volumes.map(({ resource }) => resource), ...others.resources]),
  };
  return { printer, item, node, ...allot(printer, item, taken), fileSystem: randomUUID() };
}

/** Where it lies is kept once something is made there (`applyVolume`), and settled once all is. Throws `volume-unusable`. */
function withWish(volume: Volume, { backing }: VolumeWish): Volume {
  const was = volume.backing ?? { on: 'file' };
  if (volume.made && backing !== undefined && !isDeepStrictEqual(backing, was))
    throw new StatectlError('volume-unusable', `${volume.resource} was made on ${diskOf(volume)} and stays there`, {
      hint: 'leave out --volume-group and --device',
    });
  return { ...volume, backing: backing ?? was };
}

/** Made once; `statectl secret remove` forgets it, and the next run makes another. */
async function secretFor(store: Store, volume: Volume): Promise<string> {
  const secrets = await openSecretStore(store.host, store.root);
  const known = await secrets.read(secretOf(volume));
  if (known !== undefined) return Buffer.from(known).toString();
  const made = randomBytes(30).toString('hex');
  await secrets.write(secretOf(volume), Buffer.from(made));
  return made;
}

/** Where the resource lies for a person who copies it. */
const resourceCopyPath = (root: string, { resource }: Volume): string => join(volumesFolder(root), `${resource}.res`);

/** Throws what writing a file throws. */
export async function keepResource(store: Store, { volume, resourceText: text }: PlannedVolume): Promise<string> {
  const path = resourceCopyPath(store.root, volume);
  await store.host.files.mkdir(volumesFolder(store.root), 0o700);
  await store.host.files.write(path, text, { mode: 0o600 });
  return path;
}
