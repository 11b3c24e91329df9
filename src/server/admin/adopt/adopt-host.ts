import type { Author } from '../../../config/history/fast-import.ts';
import { History } from '../../../config/history/history.ts';
import { checkSnapshot } from '../../../config/load-revision.ts';
import { StatectlError } from '../../../error.ts';
import type { Host } from '../../../host/host.ts';
import { freeShare } from '../../images/free-space.ts';
import { openSecretStore } from '../../machines/secret-store.ts';
import { holderOf } from '../../state/lease.ts';
import { printerState } from '../../state/printer-state.ts';
import { checkGenerationApart } from '../../state/snapshot/check-apart.ts';
import { printersIn, readPrinter } from '../../state/state-folder.ts';
import type { Store } from '../../store/store.ts';
import type { ServerState } from '../server-state.ts';
import { checkNode } from './check-names.ts';
import type { FarHost } from './far-host.ts';
import { type LookedAt, lookAtPrinter } from './find-printer.ts';
import { type HostFacts, readHost } from './host-facts.ts';
import { hostRemarks } from './host-remarks.ts';
import { findInstances, type NamedFolder } from './instances.ts';
import { type NodePlan, planNode } from './node-file.ts';
import type { Remark } from './remark.ts';
import { adoptingBoot, isAdopting, takePrinter } from './take/take-printer.ts';
import { lineTaken, type TakenPrinter } from './take/taking.ts';

export interface AdoptOptions {
  /** Default: the name of the host. */
  readonly node?: string;
  /** Default: all that are found. */
  readonly printers: readonly NamedFolder[];
  readonly config: string;
}

/** One printer, as it will be. */
export interface PlannedPrinter {
  readonly name: string;
  readonly data: string;
  readonly isOldLayout: boolean;
  readonly services: { readonly klipper?: string; readonly moonraker?: string };
  /** `commits`: of a history of its own, which is taken, too. */
  readonly config: { readonly files: number; readonly bytes: number; readonly commits?: number };
  readonly gcode: { readonly files: number; readonly bytes: number };
  readonly database: { readonly bytes: number } | null;
  readonly variables: { readonly path: string; readonly bytes: number } | null;
  /** What is not taken. */
  readonly left: readonly Remark[];
  /** What a person should look at before the machine boots. */
  readonly lookAt: readonly Remark[];
}

/** What will be made of a host. */
export interface AdoptionPlan {
  readonly host: Pick<HostFacts, 'hostname' | 'system' | 'arch' | 'user'> & { readonly destination: string };
  readonly node: string;
  readonly file: string;
  /** What the file says then. */
  readonly text: string;
  readonly isChanged: boolean;
  readonly printers: readonly PlannedPrinter[];
  readonly left: readonly Remark[];
}

/** A host that was looked at, to be adopted. */
export interface Adoption {
  readonly plan: AdoptionPlan;
  readonly bytes: number;
  /** Takes it. `report` hears of bytes as they come. */
  take(
    author: Author,
    tell: { readonly bytes: (more: number) => void; readonly alarm: (text: string) => void },
  ): Promise<AdoptedHost>;
}

export interface AdoptedHost {
  readonly printers: readonly TakenPrinter[];
  /** Of config.d. */
  readonly revision: string;
}

/**
 * Looks at a host, and plans what config.d and this server will have of it. Nothing is changed yet, on either side. Throws
 * `adopt-nothing`, `adopt-name`, `adopt-line-taken`, `config-invalid`, `state-missing`, and what a connection throws.
 */
export async function planAdoption(
  state: ServerState,
  host: Host,
  far: FarHost,
  options: AdoptOptions,
): Promise<Adoption> {
  const store = await state.files();
  const facts = await readHost(
    far,
    options.printers.map(({ folder }) => folder),
  );
  const instances = findInstances(facts, options.printers);
  const node = options.node ?? facts.hostname.split('.')[0]?.toLowerCase() ?? '';
  checkNode(node);
  const seen: LookedAt[] = [];
  for (const instance of instances) seen.push(await lookAtPrinter(far, facts, instance));
  const nodePlan = await planNode(host, options.config, {
    node,
    facts,
    printers: seen.map(({ instance, variablesPath, gcode }) => ({
      instance,
      group: facts.group,
      gcodeBytes: gcode.bytes,
      ...(variablesPath !== undefined && { variables: variablesPath }),
    })),
  });
  const bootOf = ({ instance }: LookedAt): string => adoptingBoot(facts.identity || far.destination, instance.data);
  for (const one of seen) await mustBeOurs(store, one.instance.name, node, bootOf(one));
  return {
    plan: planOf(far, facts, nodePlan, seen),
    bytes: seen.reduce((sum, { gcode, databaseBytes = 0 }) => sum + gcode.bytes + databaseBytes, 0),
    async take(author, tell) {
      const taking = printerState(
        { ...store, alarm: tell.alarm, free: () => freeShare(store.root) },
        checkGenerationApart(store.host.exec),
        async (name) => (await openSecretStore(store.host, store.root)).read(name),
      );
      const printers: TakenPrinter[] = [];
      for (const one of seen) {
        const printer = nodePlan.printers.get(one.instance.name);
        if (!printer) continue;
        const boot = bootOf(one);
        const asker = { node, proof: 'person', printer } as const;
        const nowMs = store.host.clock.now();
        printers.push(await takePrinter(one.found, { state: taking, far, asker, boot, nowMs, onBytes: tell.bytes }));
      }
      // Last of all: nobody boots as a printer whose line is not whole.
      const names = seen.map(({ instance }) => instance.name).join(', ');
      const revision = await new History(host, options.config).write(nodePlan.file, nodePlan, {
        author,
        message: `Adopt ${far.destination} as ${node}: ${names}`,
        check: checkSnapshot,
      });
      return { printers, revision };
    },
  };
}

/** Throws `adopt-line-taken`, `adopt-name`. */
async function mustBeOurs(store: Store, printer: string, node: string, boot: string): Promise<void> {
  if (!(await printersIn(store)).includes(printer)) return;
  const holder = holderOf(await readPrinter(store, printer));
  if (!holder || holder.boot === boot) return;
  if (holder.node === node && !isAdopting(holder.boot))
    throw lineTaken(printer, `${node} booted as it at ${new Date(holder.sinceMs).toISOString()}`);
  const whose =
    holder.node === node ? 'of another host that was adopted so' : `of ${holder.node || 'a node that nobody knows'}`;
  throw new StatectlError('adopt-name', `this server has a printer ${printer} already, ${whose}`, {
    hint: 'give this one another name: --printer NAME=DIR, and its node: --node NAME',
  });
}

function planOf(far: FarHost, facts: HostFacts, nodePlan: NodePlan, seen: readonly LookedAt[]): AdoptionPlan {
  const { hostname, system, arch, user } = facts;
  const { node, file, before, after } = nodePlan;
  return {
    host: { destination: far.destination, hostname, system, arch, user },
    ...{ node, file, text: after, isChanged: before !== after },
    printers: seen.map(({ instance, found, variablesPath, configBytes, gcode, databaseBytes, left, lookAt }) => ({
      ...{ name: instance.name, data: instance.data, isOldLayout: instance.isOld, services: instance.services },
      config: {
        ...{ files: found.config.files.size, bytes: configBytes },
        ...(found.config.history && { commits: found.config.history.commits }),
      },
      gcode,
      database: databaseBytes === undefined ? null : { bytes: databaseBytes },
      variables: found.variables
        ? { path: variablesPath ?? 'config/variables.cfg', bytes: found.variables.length }
        : null,
      ...{ left, lookAt },
    })),
    left: hostRemarks(
      facts,
      seen.map(({ instance }) => instance),
    ),
  };
}
