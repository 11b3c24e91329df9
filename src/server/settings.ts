import { createHash } from 'node:crypto';
import { CHECK_TOO_MUCH, checkApart } from '../config/check/check-apart.ts';
import { type ConfigFault, configInvalid, formatFault } from '../config/check/fault.ts';
import type { ConfigDir } from '../config/config-dir.ts';
import { type Effective, effectiveFor, effectiveOf } from '../config/effective.ts';
import type { FaultOfNodes } from '../config/history/good-part.ts';
import { type Check, History } from '../config/history/history.ts';
import type { HistoryHost } from '../config/history/repository.ts';
import { type LoadedConfig, loadSnapshot } from '../config/load-revision.ts';
import { certificateNameFaults } from '../config/nodes/certificate-names.ts';
import { findNode } from '../config/nodes/find-node.ts';
import { contentFor, contextFor } from '../config/nodes/node-content.ts';
import type { NodeRecord } from '../config/nodes/nodes.ts';
import { renderTemplates } from '../config/templates/render.ts';
import { isStatectlError, reasonOf, StatectlError } from '../error.ts';
import { fileError } from '../host/file-error.ts';
import type { Clock } from '../host/host.ts';
import type { MachineIdentity } from '../protocol/machine-identity.ts';
import type { RenderNode } from '../signed/bundle/content.ts';
import type { RenderPublic } from './bundles/template-routes.ts';
import type { NodeIdentities, NodeIdentity } from './machines/enrol.ts';
import type { BootSettings } from './netboot/boot-routes.ts';

/** An edit is seen at the latest after this; a thousand machines that ask at once cost one look. */
const LOOK_MS = 1_000;
/** An edit that takes longer to look at is taken up later: who asks waits for it until then, and not again. */
const LOOK_WAIT_MS = 10_000;
const FAULTY = 'config-faulty';

export interface SettingsEvent {
  readonly event: 'settings';
  /** `stuck`: the files could not be taken up at all; `faults` says why. */
  readonly state: 'served' | 'faulty' | 'stuck';
  /** What machines get now. */
  readonly revision?: string;
  readonly files: readonly string[];
  readonly faults: readonly string[];
}

export interface ServedSettings {
  readonly renderNode: RenderNode;
  readonly renderPublic: RenderPublic;
  readonly bootSettings: BootSettings;
  readonly nodes: NodeIdentities;
  /** What machines get now. Throws while nothing was ever good. */
  readonly revision: () => Promise<string>;
  /** Why machines do not get what the files say, as of the last look; the reasons are the admin's alone. */
  readonly troubles: () => readonly string[];
}

/**
 * What machines get of a config.d: its last commit that was checked as a whole. Edits are taken up when a machine asks; one
 * with a fault is told once, and machines go on getting what was good: a faulty file of a node or template holds back itself
 * alone, any other the whole edit.
 */
export function servedSettings(host: HistoryHost, dir: string, tell: (event: SettingsEvent) => void): ServedSettings {
  let loaded: (LoadedConfig & { readonly revision: string }) | undefined;
  let heldBack: HeldBack | undefined;
  let look: Promise<void> | undefined;
  const check = rememberingCheck(host.clock);
  let lookedMs = Number.NEGATIVE_INFINITY;
  let lookBeganMs = 0;
  let toldRevision: string | undefined;
  let toldFaults = '';
  let toldStuck = '';
  let state: SettingsEvent['state'] = 'served';
  /** Why nothing is loaded yet. */
  let failure: unknown;

  async function refresh(): Promise<void> {
    // Anew each time: the folder may be somebody else's now.
    const history = new History(host, dir);
    // What was good before is served while the files are looked at, however long that takes.
    const deployed = loaded ? undefined : await history.resolve('deployed').catch(() => undefined);
    if (deployed) loaded = { ...(await loadSnapshot(await history.read(deployed))), revision: deployed };
    const settled = await history.settle(check);
    const { revision, files, faults, heldBack: held } = settled;
    state = settled.state === 'faulty' ? 'faulty' : 'served';
    toldStuck = '';
    heldBack = held && { dir: (await loadSnapshot(held.snapshot)).dir, files: held.held, faults };
    const text = faults.map(formatFault).join('\n');
    if (state === 'faulty' && text !== toldFaults)
      tell({ event: 'settings', state, ...(revision && { revision }), files, faults: text.split('\n') });
    toldFaults = text;
    if (revision === undefined) throw faultyFromTheStart(faults);
    if (revision !== loaded?.revision) loaded = { ...(await loadSnapshot(await history.read(revision))), revision };
    if (revision === toldRevision) return;
    toldRevision = revision;
    tell({ event: 'settings', state: 'served', revision, files, faults: [] });
  }

  /** Once for each failure: an admin who edits must learn why nothing comes of it. */
  function tellStuck(error: unknown): void {
    failure = error;
    if (isStatectlError(error) && error.code === FAULTY) return;
    state = 'stuck';
    const { message, hint } = isStatectlError(error) ? error : (fileError(error) ?? { message: reasonOf(error) });
    const text = hint ? `${message}\n→ ${hint}` : message;
    if (text !== toldStuck)
      tell({ event: 'settings', state, ...(loaded && { revision: loaded.revision }), files: [], faults: [text] });
    toldStuck = text;
  }

  async function current(): Promise<LoadedConfig & { readonly revision: string }> {
    if (host.clock.uptimeMs() - lookedMs >= LOOK_MS) {
      if (look === undefined) {
        lookBeganMs = host.clock.uptimeMs();
        look = refresh().finally(() => {
          look = undefined;
          lookedMs = host.clock.uptimeMs();
        });
      }
      // A git that is locked or broken must not keep machines from what is loaded.
      const looking = look.catch(tellStuck);
      await atMost(lookBeganMs + LOOK_WAIT_MS - host.clock.uptimeMs(), looking, host.clock);
      if (loaded === undefined) await looking;
    }
    if (loaded === undefined) throw failure;
    return loaded;
  }

  async function currentFor(machine: MachineIdentity): Promise<LoadedConfig> {
    const config = await current();
    refuseHeldBack(config.dir, heldBack, machine);
    return config;
  }

  return {
    revision: async () => (await current()).revision,
    troubles() {
      void current().catch(() => undefined);
      return TROUBLES[state];
    },
    async renderNode(machine) {
      const { dir: config, templates } = await currentFor(machine);
      const result = contentFor(config, templates, machine);
      if ('faults' in result) throw configInvalid(result.faults);
      return { ...result.content, settings: result.content.settings as object };
    },
    async renderPublic(name, machine) {
      const { dir: config, templates } = await current();
      if (!Object.hasOwn(templates.texts, name)) return undefined;
      const { files, faults } = renderTemplates(templates, [name], contextFor(config, machine));
      const isPublic = files.length > 0 && files.every((file) => file.public);
      // Whose template it is, is nobody else's business; nor are its faults.
      if (faults.length > 0 || !isPublic) return undefined;
      return files[0];
    },
    bootSettings: (machine) =>
      quietly(async () => {
        const { config } = effectiveFor((await currentFor(machine)).dir, machine);
        return config && { ...config.boot, servers: config.server.servers };
      }),
    nodes: {
      ofMachine: (machine) => quietly(async () => identityIn(effectiveFor((await currentFor(machine)).dir, machine))),
      ofNode: (name) =>
        quietly(async () => {
          const { dir: config } = await current();
          const node = config.nodes.nodes.get(name);
          const identity = node && identityIn(effectiveOf(config, node));
          const nameFault = node && nameFaultOf(config, node);
          return identity && { ...identity, ...(nameFault !== undefined && { nameFault }) };
        }),
    },
  };
}

const TROUBLES = {
  served: [],
  faulty: [
    'config.d has faults: machines do not get all of it; the server’s log and `statectl config check` tell which',
  ],
  stuck: ['edits of config.d are not taken up; the server’s log and `statectl config log` say why'],
} as const;

/** Waits for the task, but no longer. */
async function atMost(ms: number, task: Promise<unknown>, clock: Pick<Clock, 'sleep'>): Promise<void> {
  if (ms <= 0) return;
  const ended = new AbortController();
  const wait = clock.sleep(ms, ended.signal).catch(() => undefined);
  await Promise.race([task, wait]);
  ended.abort();
}

/** So many verdicts are remembered, of the files and of their good part. */
const MOST_VERDICTS = 8;
/** A check that came to no end may do so when the server has less to do. */
const AGAIN_MS = 10 * 60_000;

/** The check in a thread of its own; of the same texts once, since every look at faulty ones asks again. */
function rememberingCheck(clock: Pick<Clock, 'uptimeMs'>): Check {
  const verdicts = new Map<string, { readonly faults: readonly FaultOfNodes[]; readonly atMs: number }>();
  return async (snapshot) => {
    const key = createHash('sha256')
      .update(JSON.stringify([...snapshot].toSorted(([a], [b]) => (a < b ? -1 : 1))))
      .digest('hex');
    const known = verdicts.get(key);
    const isTooMuch = known?.faults.some(({ message }) => message.startsWith(CHECK_TOO_MUCH)) ?? false;
    if (known && !(isTooMuch && clock.uptimeMs() - known.atMs > AGAIN_MS)) return known.faults;
    const faults = await checkApart(snapshot);
    verdicts.delete(key);
    verdicts.set(key, { faults, atMs: clock.uptimeMs() });
    for (const old of [...verdicts.keys()].slice(0, -MOST_VERDICTS)) verdicts.delete(old);
    return faults;
  };
}

/** What is at fault for some nodes alone, as the files are now. */
interface HeldBack {
  readonly dir: ConfigDir;
  readonly files: readonly string[];
  readonly faults: readonly FaultOfNodes[];
}

/** A new node whose file is at fault: rather nothing new than what a machine gets that no file names. */
function refuseHeldBack(served: ConfigDir, heldBack: HeldBack | undefined, machine: MachineIdentity): void {
  if (!heldBack || findNode(served.nodes, machine)) return;
  const node = findNode(heldBack.dir.nodes, machine);
  if (!node || !heldBack.files.includes(node.file)) return;
  const { faults } = heldBack;
  const own = faults.filter(({ file, nodeFiles = [] }) => [file, ...nodeFiles].includes(node.file));
  throw configInvalid(own.length > 0 ? own : faults);
}

const identityIn = ({ node, config }: Effective): NodeIdentity | undefined =>
  node &&
  config && {
    node: node.name,
    identity: config.identity,
    users: config.users.users,
    printers: new Map(Object.entries(config.state.printers)),
  };

/** Looked for once: a thousand machines enrol by one config.d. */
const nameFaults = new WeakMap<ConfigDir, ReadonlyMap<string, string>>();

function nameFaultOf(config: ConfigDir, { name }: NodeRecord): string | undefined {
  const found =
    nameFaults.get(config) ??
    new Map(certificateNameFaults(config).flatMap(({ node, fault }) => (node ? [[node.name, fault.message]] : [])));
  nameFaults.set(config, found);
  return found.get(name);
}

/** Two node files that claim one machine, or a config.d that was never good: `renderNode` says so. */
const quietly = <T>(read: () => Promise<T>): Promise<T | undefined> =>
  read().catch((error: unknown) => {
    if (isStatectlError(error)) return undefined;
    throw error;
  });

const faultyFromTheStart = (faults: readonly ConfigFault[]): StatectlError =>
  new StatectlError(FAULTY, `config.d was never without fault: ${faults.map(formatFault).join('\n')}`, {
    hint: 'correct them; see `statectl config check`',
  });
