import { formatFault } from '../../../config/check/fault.ts';
import type { Config } from '../../../config/config.ts';
import type { LoadedConfig } from '../../../config/load-revision.ts';
import { findNode, groupsOf, identityOf as identityOfNode } from '../../../config/nodes/find-node.ts';
import { writeMatch } from '../../../config/nodes/identity.ts';
import { nodeContent } from '../../../config/nodes/node-content.ts';
import type { NodeRecord } from '../../../config/nodes/nodes.ts';
import { isStatectlError, reasonOf } from '../../../error.ts';
import type { Claims } from '../../../protocol/claims.ts';
import type { MachineIdentity } from '../../../protocol/machine-identity.ts';
import { identityOf, macsOf } from '../../../protocol/machine-identity.ts';
import { writeImageName } from '../../images/image-name.ts';
import type { StoredImage } from '../../images/image-record.ts';
import { chooseImage, wishOfConfig } from '../../images/uses.ts';
import { sharedUuid } from '../../machines/machine-reader.ts';
import type { LastReport } from '../../reports/reports.ts';
import type { Store } from '../../store/store.ts';
import { boardsAtFault, boardsWith } from '../printers/boards-with-image.ts';
import type { ServerState } from '../server-state.ts';
import { healthAtFault } from './health-at-fault.ts';
import { countedReports } from './last-reports.ts';
import { slotsAtFault } from './slots-at-fault.ts';

/** What `node list` says of a machine. */
export interface NodeStatus {
  /** Absent: a machine that reported, and that no node file names. */
  readonly node?: string;
  readonly file?: string;
  readonly groups: readonly string[];
  readonly knownBy: string;
  readonly report?: LastReport;
  readonly state: NodeState;
  /** Its last report has a UUID that another machine has too. */
  readonly alarm?: string;
  /** Of `a reboot changes it` what: settings and files, the image (NAME@VERSION that it would boot), or both. */
  readonly changes?: readonly ('settings' | 'image')[];
  readonly nextImage?: string;
  /** What is wrong with the boards of its printers, and what that image means for them. */
  readonly boards?: readonly string[];
  /** What is wrong with the system that it runs. */
  readonly health?: readonly string[];
  /** What is wrong with its two systems, and how its last start ended where that wants somebody. */
  readonly slots?: readonly string[];
  /** Of `faulty`: its faults. */
  readonly why?: string;
}

/** Settings compare by content; `faulty`: it would get nothing new; `runs baked settings`: it has never had any of this server. */
export type NodeState = 'never seen' | 'no change' | 'a reboot changes it' | 'runs baked settings' | 'faulty';

export interface NodeStatusInput {
  /** What machines get: the last checked revision. */
  readonly deployed: LoadedConfig;
  /** What the files say now, where some nodes' are at fault. */
  readonly edited?: LoadedConfig;
  /** By MAC address or UUID. */
  readonly reports: ReadonlyMap<string, LastReport>;
  /** With its images; absent where no server is. */
  readonly store?: Store;
}

/** As `nodeStatuses` has it, with what the server knows; a config.d may be looked at where no server is, a state that cannot be read is another matter. */
export async function listNodes(
  state: ServerState,
  configs: Pick<NodeStatusInput, 'deployed' | 'edited'>,
): Promise<readonly NodeStatus[]> {
  const store = await state.files().catch((error: unknown) => {
    if (isStatectlError(error) && error.code === 'state-missing') return undefined;
    throw error;
  });
  return nodeStatuses({
    ...configs,
    ...(store && { store }),
    reports: store ? await countedReports(state) : new Map(),
  });
}

/** Every node of config.d by its name, then the machines that reported and that no node file names. */
async function nodeStatuses(input: NodeStatusInput): Promise<readonly NodeStatus[]> {
  const { deployed, edited, reports } = input;
  const nodes = new Map([...(edited?.dir.nodes.nodes ?? []), ...deployed.dir.nodes.nodes]);
  const alarms = sharedUuids(reports.values());
  const reported = new Set<LastReport>();
  const statuses: NodeStatus[] = [];
  for (const node of [...nodes.values()].toSorted((a, b) => byName(a.name, b.name))) {
    const [report, ...claims] = reportsOf(node, reports);
    // What others say of a machine that tells it itself is no other machine.
    for (const each of report?.isProven ? [report, ...claims] : [report]) if (each) reported.add(each);
    statuses.push(await statusOfNode(input, node, report));
  }
  for (const [key, report] of reports)
    if (!reported.has(report)) statuses.push(await statusOfStranger(input, key, report));
  return statuses.map((status) => {
    const alarm = alarms.get(status.report?.machine.uuid ?? '');
    const boards = [...boardsAtFault(status.report?.boards ?? {}), ...(status.boards ?? [])];
    const health = healthAtFault(status.report?.health);
    const slots = slotsAtFault(status.report?.slots);
    return {
      ...status,
      ...(alarm !== undefined && { alarm }),
      ...(boards.length > 0 && { boards }),
      ...(health.length > 0 && { health }),
      ...(slots.length > 0 && { slots }),
    };
  });
}

/** By UUID, where machines that have no card in common say the same one. */
function sharedUuids(reports: Iterable<LastReport>): ReadonlyMap<string, string> {
  const alarms = new Map<string, string>();
  const cards = new Map<string, Set<string>>();
  for (const { machine } of reports) {
    const macs = macsOf(machine);
    if (machine.uuid === undefined || macs.length === 0) continue;
    const known = cards.get(machine.uuid) ?? new Set(macs);
    if (!macs.some((mac) => known.has(mac)))
      alarms.set(machine.uuid, sharedUuid(machine.uuid, [[...known][0] as string, macs[0] as string]));
    for (const mac of macs) known.add(mac);
    cards.set(machine.uuid, known);
  }
  return alarms;
}

const byName = (a: string, b: string): number => a.localeCompare(b, 'en', { numeric: true });

/** The one that counts first: what the machine proved, then what is claimed of its cards, then of its name. */
export function reportsOf(
  { name, match }: NodeRecord,
  reports: ReadonlyMap<string, LastReport>,
): readonly LastReport[] {
  const proven = reports.get(`node ${name}`);
  const keys = [...(match.mac ?? []), match.uuid ?? ''];
  const byKey = keys.map((key) => reports.get(key));
  // Known by its host name, it says which node it was told to be.
  const byName = [...reports.values()].filter((one) => one.node === name && !one.isProven).toReversed();
  return [...new Set([proven, ...byKey, ...byName].filter((one) => one !== undefined))];
}

async function statusOfNode(
  input: NodeStatusInput,
  node: NodeRecord,
  report: LastReport | undefined,
): Promise<NodeStatus> {
  const { deployed, edited } = input;
  const status = {
    node: node.name,
    file: node.file,
    groups: groupsOf(deployed.dir.nodes, node, undefined).map(({ name }) => name),
    knownBy: writeMatch(node.match),
    ...(report && { report }),
  };
  const [why] = [edited, deployed].flatMap((config) => (config ? faultsOf(config, node) : []));
  if (why !== undefined) return { ...status, state: 'faulty', why };
  if (!report) return { ...status, state: 'never seen' };
  return { ...status, ...(await changeOf(input, node, report, identityOfNode(node))) };
}

function faultsOf({ dir, templates }: LoadedConfig, { name, file }: NodeRecord): readonly string[] {
  const node = dir.nodes.nodes.get(name);
  if (!node) return [`${file}: see \`statectl config check\``];
  const result = nodeContent(dir, templates, node);
  return 'faults' in result ? result.faults.map(formatFault) : [];
}

async function statusOfStranger(input: NodeStatusInput, key: string, report: LastReport): Promise<NodeStatus> {
  const machine = identityOf(report.machine);
  const claimed = /^([0-9a-f]{2}:){5}/.test(key) ? `mac ${key}` : `uuid ${key}`;
  const known = report.isProven ? `the certificate of ${report.node}` : claimed;
  const groups = groupsOf(input.deployed.dir.nodes, undefined, machine).map(({ name }) => name);
  const status = { groups, knownBy: known, report };
  try {
    const node = findNode(input.deployed.dir.nodes, machine);
    return { ...status, ...(await changeOf(input, node, report, machine)) };
  } catch (error) {
    return { ...status, state: 'faulty', why: reasonOf(error) };
  }
}

/** Whether a reboot would change it: by the digest of what it would get, and the image it would boot. */
async function changeOf(
  { deployed, store }: NodeStatusInput,
  node: NodeRecord | undefined,
  report: LastReport,
  machine: MachineIdentity,
): Promise<Pick<NodeStatus, 'state' | 'changes' | 'nextImage' | 'boards' | 'why'>> {
  if (report.configOrigin === 'baked') return { state: 'runs baked settings' };
  const result = nodeContent(deployed.dir, deployed.templates, node, machine);
  if ('faults' in result) {
    const [why] = result.faults.map(formatFault);
    return { state: 'faulty', ...(why !== undefined && { why }) };
  }
  const { configDigest, config } = result.content;
  const image = store && report.image ? await imageFor(store, report.machine, config.boot) : undefined;
  const next = image && writeImageName(image) !== report.image ? image : undefined;
  const nextImage = next && writeImageName(next);
  const boards = next ? boardsWith(next, report.boards ?? {}, config.state.printers) : [];
  const changes = [
    ...(report.configDigest === configDigest ? [] : ['settings' as const]),
    ...(nextImage === undefined ? [] : ['image' as const]),
  ];
  if (changes.length === 0) return { state: 'no change' };
  return {
    state: 'a reboot changes it',
    changes,
    ...(nextImage !== undefined && { nextImage }),
    ...(boards.length > 0 && { boards }),
  };
}

async function imageFor(store: Store, machine: Claims, said: Config['boot']): Promise<StoredImage | undefined> {
  const choice = await chooseImage(store, machine, wishOfConfig(said));
  return choice.kind === 'image' ? choice.image : undefined;
}
