import { dirname, join } from 'node:path';
import { entryOf } from '../../entry-of.ts';
import { reasonOf } from '../../error.ts';
import type { Account, Host, HttpRequest } from '../../host/host.ts';
import type { TaskContext } from '../../host/task-context.ts';
import type { ItemHead } from '../../protocol/state/state.ts';
import { type AskState, askStateOf } from './ask-state.ts';
import { type Leased, leasePrinter } from './lease-printer.ts';
import type { ItemSession, PrinterSession } from './printer-session.ts';
import { type AnyItem, placesWithin, type Restore } from './restore.ts';
import { restoreDrbd } from './restore-drbd.ts';
import { restoreGit } from './restore-git.ts';
import { restoreMirror } from './restore-mirror.ts';
import { restoreSnapshot } from './restore-snapshot.ts';
import { restoreVariables } from './restore-variables.ts';

/** Step `restore-printer`. */
export interface RestorePrinter {
  readonly printer: string;
  /** Of this boot. */
  readonly boot: string;
  readonly items: readonly (AnyItem & Account)[];
  readonly urls: readonly string[];
  /** Where certificate and key of the machine are. */
  readonly identity: string;
  readonly authorities: readonly string[];
  readonly limits: { readonly connectMs: number; readonly stallMs: number };
  /** Folder of what is kept of the printer on a disk; absent without one. */
  readonly kept?: string;
  /** Where what came of it is told: a `PrinterSession`. */
  readonly to: string;
}

/** A boot waits no longer for the state of a printer. */
const MOST_MS = 120_000;

/**
 * Asks for the lease of a printer, and gives back what its line has, item by item. Whatever fails is told, and is a branch: the
 * machine boots and prints.
 */
export async function restorePrinter(step: RestorePrinter, host: Host, task: TaskContext): Promise<void> {
  const { printer, boot, items, urls, identity, authorities, limits, kept, to } = step;
  // Before anything lies in it: whoever copies a database for the agent is its owner, who has to get through.
  await host.files.mkdir(dirname(to), 0o711);
  const bounded: AbortSignal = AbortSignal.any([task.signal, AbortSignal.timeout(MOST_MS)]);
  const times: HttpRequest = { connectTimeoutMs: limits.connectMs, idleTimeoutMs: limits.stallMs };
  const servers = urls.map((url) => {
    const ask = askStateOf(host, url, { proof: () => ({ identity, authorities }), limits: () => times });
    const withBound: AskState = (path, request = {}) =>
      ask(path, { ...request, signal: AbortSignal.any([bounded, ...(request.signal ? [request.signal] : [])]) });
    return [url, withBound] as const;
  });
  const { server, ask, lease, heads, whys, why }: Leased = await leasePrinter(printer, boot, servers, bounded).catch(
    (error) => {
      task.signal.throwIfAborted();
      return { lease: 0, heads: {}, why: reasonOf(error) };
    },
  );
  if (why !== undefined) task.warn(`${printer}: what this boot does is a branch: ${why}`);
  const session: Record<string, ItemSession> = {};
  for (const { uid, gid, ...item } of items) {
    const head = entryOf<ItemHead | null>(heads, item.name);
    const none = entryOf(whys ?? {}, item.name);
    const one = {
      host,
      task,
      printer,
      account: { uid, gid },
      head,
      ...(none !== undefined && { why: none }),
      spool: join(dirname(to), item.name),
      ...{ boot, lease, bound: bounded },
      apart: placesWithin(items, item.path),
      ...(ask && { ask }),
      ...(kept && { kept: `${kept}/${item.name}` }),
    };
    session[item.name] = await restoreItem({ ...one, item }).catch((error) => restoreAlone({ ...one, item }, error));
  }
  const record: PrinterSession = {
    ...{ printer, boot, lease, items: session },
    ...(server !== undefined && { server }),
    ...(why !== undefined && { why }),
  };
  await host.files.write(to, `${JSON.stringify(record)}\n`, { mode: 0o600 });
}

/**
 * What the server has and cannot give is as if it had not answered: the item begins with what lies there, or what the machine kept on
 * its disk. By what that is, the server knows whether it goes on with the line.
 */
async function restoreAlone({ ask: _, ...restore }: Restore<AnyItem>, error: unknown): Promise<ItemSession> {
  const { task, printer, item, head } = restore;
  task.signal.throwIfAborted();
  const why = reasonOf(error);
  const { base } = head
    ? await restoreItem({ ...restore, head: undefined }).catch(() => {
        task.signal.throwIfAborted();
        return { base: null };
      })
    : { base: null };
  const what = base === null ? 'begins empty, as a branch' : `begins with ${base}, which this machine had`;
  task.warn(`${printer}: ${item.name} ${what}: ${why}`);
  return { base, why };
}

/** One more class is its line here. */
async function restoreItem(restore: Restore<AnyItem>): Promise<ItemSession> {
  const { item } = restore;
  switch (item.kind) {
    case 'mirror':
      return restoreMirror({ ...restore, item });
    case 'snapshot':
      return restoreSnapshot({ ...restore, item });
    case 'variables':
      return restoreVariables({ ...restore, item });
    case 'git':
      return restoreGit({ ...restore, item });
    case 'drbd':
      return restoreDrbd({ ...restore, item });
  }
}
