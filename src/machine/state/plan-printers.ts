import { randomUUID } from 'node:crypto';
import { reasonOf } from '../../error.ts';
import { serversInOrder } from '../../fetch/choose-servers.ts';
import type { TaskContext } from '../../host/task-context.ts';
import { folderOwners } from '../delivery/delivery.ts';
import { userDataDevice } from '../facts/disks.ts';
import type { Facts } from '../facts/facts.ts';
import { IDENTITY } from '../identity/identity.ts';
import type { MachineHost } from '../roots.ts';
import { cachesOf } from '../services/printers/cache-service.ts';
import type { Step } from '../steps/step.ts';
import type { PrinterFacts } from './printer-facts.ts';
import { sessionPath } from './printer-session.ts';

/** What is kept of a printer on a disk, item by item. */
export const KEPT_STATE = '/user-data/persistent/statectl/state';

/** Whose the items are, by number. An item that is nobody's, or cannot be written, is told and left out. */
export async function printerFacts(
  host: MachineHost,
  { config }: Pick<Facts, 'config'>,
  { warn }: Pick<TaskContext, 'warn'>,
): Promise<PrinterFacts | undefined> {
  const named = Object.values(config.state.printers);
  if (named.length === 0) return undefined;
  // Its absence is of containers: any random id will do, since the session keeps it.
  const boot = (await host.files.readText('/proc/sys/kernel/random/boot_id').catch(() => randomUUID())).trim();
  const ownersOf = await folderOwners(host);
  const printers = named.map(({ name, items }) => ({
    name,
    items: items.flatMap((item) => {
      try {
        return [{ ...item, ...ownersOf(item.path, item.owner, item.group) }];
      } catch (error) {
        warn(`${name}: nothing of ${item.path} outlives this machine: ${reasonOf(error)}`);
        return [];
      }
    }),
  }));
  return { boot, printers };
}

type PrinterItem = PrinterFacts['printers'][number]['items'][number];

/** What cannot be shown as a cache is a mirror: Moonraker waits for all of it. */
function asMirror(item: PrinterItem): PrinterItem {
  if (item.kind !== 'mirror') return item;
  const { cache: _, ...mirror } = item;
  return mirror;
}

/** Pure. */
export function planPrinters(facts: Facts): readonly Step[] {
  const { printers: found } = facts.system;
  if (!found) return [];
  const { authorities, connectMs, stallMs } = facts.config.server;
  const { first, last } = serversInOrder(facts);
  // Who kept silent when the bundle was asked for is not waited for twice, and by each printer.
  const isThere = (facts.network.leases ?? []).length > 0 && !facts.servers.silent;
  const urls = isThere ? [...first, ...last].filter((server) => URL.canParse('/', server)) : [];
  const hasDisk = userDataDevice(facts) !== undefined;
  const shown = new Set(cachesOf(facts).map(({ printer, item }) => `${printer}/${item}`));
  return found.printers.map(({ name, items }) => ({
    kind: 'restore-printer',
    items: items.map((item) => (shown.has(`${name}/${item.name}`) ? item : asMirror(item))),
    ...{ printer: name, boot: found.boot, urls, identity: IDENTITY, authorities },
    limits: { connectMs, stallMs },
    ...(hasDisk && { kept: `${KEPT_STATE}/${name}` }),
    to: sessionPath(name),
  }));
}
