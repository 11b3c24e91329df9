import { join } from 'node:path';
import type { Host } from '../../host/host.ts';
import type { NodesStore } from './nodes-store.ts';
import { openSqliteNodes } from './sqlite/sqlite-nodes.ts';

const databasePath = (state: string): string => join(state, 'nodes.sqlite');

/** The store of this state directory, made where there is none: the only place that knows of which engine. Throws `enrolments-unusable`. */
export const openNodes = (state: string, clock: Pick<Host['clock'], 'sleep'>): Promise<NodesStore> =>
  openSqliteNodes(databasePath(state), clock);

/** Whether there is one yet. */
export const hasNodes = async ({ files }: Pick<Host, 'files'>, state: string): Promise<boolean> =>
  (await files.stat(databasePath(state))) !== undefined;
