import { entryOf } from '../../entry-of.ts';
import { reasonOf } from '../../error.ts';
import { userDataDevice } from '../../machine/facts/disks.ts';
import { IDENTITY } from '../../machine/identity/identity.ts';
import { type AskState, askStateOf } from '../../machine/state/ask-state.ts';
import { KEPT_STATE } from '../../machine/state/plan-printers.ts';
import { type PrinterSession, readSession, spoolPath } from '../../machine/state/printer-session.ts';
import { type AnyItem, placesWithin } from '../../machine/state/restore.ts';
import type { Agent } from '../tasks/task.ts';
import { keepDrbd } from './drbd-keeper.ts';
import { keepGit } from './git-keeper.ts';
import type { ItemStatus } from './item-status.ts';
import type { Keep, KeeperContext } from './keeper.ts';
import { keepMirror } from './mirror-keeper.ts';
import { keepSnapshot } from './snapshot-keeper.ts';
import { keepVariables } from './variables/variables-keeper.ts';

const AGAIN_MS = 30_000;

interface Tell {
  /** What this boot is to the server of a printer. */
  readonly began: (printer: string, session: PrinterSession) => void;
  /** How an item stands, whenever that changes. */
  readonly tell: (printer: string, item: string, status: ItemStatus) => void;
}

/** Keeps each item of each printer of this boot. */
export async function keepPrinters(
  agent: Agent,
  { began: beganWith, tell }: Tell,
  signal: AbortSignal,
): Promise<never> {
  const { host, facts, prints } = agent;
  const keeping: Promise<never>[] = [];
  for (const { name: printer, items } of facts.system.printers?.printers ?? []) {
    const session = await readSession(host.files, printer);
    if (!session) continue;
    beganWith(printer, session);
    const ask = askOf(agent, session);
    for (const { uid, gid, ...item } of items) {
      const began = entryOf(session.items, item.name) ?? { base: null, why: 'the boot gave nothing back' };
      const context: KeeperContext<AnyItem> = {
        ...{ host, printer, item, session, began, ask },
        account: { uid, gid },
        apart: placesWithin(items, item.path),
        standing: { lease: session.lease, boot: session.boot, base: began.base },
        tell: (status) => tell(printer, item.name, status),
        isPrinting: () => prints.isPrinting(printer),
        spool: spoolPath(printer, item.name),
        ...(userDataDevice(facts) && { kept: `${KEPT_STATE}/${printer}/${item.name}` }),
        watch: host.files.watch,
      };
      keeping.push(keepItem(context, signal));
    }
  }
  // Without a printer nothing is to be done, for ever.
  keeping.push(
    new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason), { once: true })),
  );
  return Promise.race(keeping);
}

/** One that stumbles begins anew, and stops no other. */
async function keepItem(context: KeeperContext<AnyItem>, signal: AbortSignal): Promise<never> {
  const { host, tell } = context;
  for (;;)
    try {
      await keeperOf(context, signal);
    } catch (error) {
      signal.throwIfAborted();
      tell({ state: 'fault', why: reasonOf(error), sinceMs: host.clock.now() });
      await host.clock.sleep(AGAIN_MS, signal);
    }
}

/** One more class is its line here. */
export const keeperOf: Keep<AnyItem> = (context, signal) => {
  const { item } = context;
  switch (item.kind) {
    case 'mirror':
      return keepMirror({ ...context, item }, signal);
    case 'snapshot':
      return keepSnapshot({ ...context, item }, signal);
    case 'variables':
      return keepVariables({ ...context, item }, signal);
    case 'git':
      return keepGit({ ...context, item }, signal);
    case 'drbd':
      return keepDrbd({ ...context, item }, signal);
  }
};

/** A lease counts with the server that gave it; what is a branch anyway, any takes. */
function askOf({ host, held, servers }: Agent, { server }: PrinterSession): AskState {
  const proof = () => ({ identity: IDENTITY, authorities: held.settings().server.authorities ?? [] });
  const limits = () => {
    const { connectMs, stallMs } = held.settings().server;
    return { connectTimeoutMs: connectMs, idleTimeoutMs: stallMs };
  };
  const asks = new Map<string, AskState>();
  const askOne = (url: string): AskState => {
    const known = asks.get(url) ?? askStateOf(host, url, { proof, limits });
    asks.set(url, known);
    return known;
  };
  return async (path, request) => {
    let failure: unknown = new Error('there is no server');
    for (const url of server === undefined ? servers() : [server])
      try {
        return await askOne(url)(path, request);
      } catch (error) {
        request?.signal?.throwIfAborted();
        failure = error;
      }
    throw failure;
  };
}
