import { join } from 'node:path';
import type { Host } from '../../host/host.ts';
import type { NodesStore } from './nodes-store.ts';
import { openSqliteNodes } from './sqlite/sqlite-nodes.ts';

const databasePath = (state: string): string => join(state, 'nodes.sqlite');

/** The store of this state directory, made where there is none: the only place that knows of which engine. Throws `enrolments-unusable`. */
export async function openNodes(
  state: string,
  {
    files,
    clock,
  }: { readonly files: Pick<Host['files'], 'stat' | 'append'>; readonly clock: Pick<Host['clock'], 'sleep'> },
): Promise<NodesStore> {
  const path = databasePath(state);
  // By whose files they are: what SQLite makes beside it gets the same owner. What is in the way it says itself.
  if ((await files.stat(path)) === undefined) await files.append(path, '').catch(() => {});
  return await openSqliteNodes(path, clock);
}

/** Whether there is one yet. */
export const hasNodes = async ({ files }: Pick<Host, 'files'>, state: string): Promise<boolean> =>
  (await files.stat(databasePath(state))) !== undefined;
