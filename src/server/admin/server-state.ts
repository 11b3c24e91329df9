import type { Host } from '../../host/host.ts';
import type { NodesStore } from '../store/nodes-store.ts';
import { openNodes } from '../store/open-nodes.ts';
import { openStore, type Store } from '../store/store.ts';

/**
 * What the use cases of this folder work on: the state of one server, which is opened where one needs it. Verbs name it by its
 * folder; a route of the server gives what it has open.
 */
export interface ServerState {
  readonly host: Pick<Host, 'files' | 'clock' | 'exec'>;
  /** Images, reports, keys, secrets. Throws `state-missing`; with `create`, `state-unusable`. */
  readonly files: (mode?: 'create' | 'existing') => Promise<Store>;
  /** Throws `state-missing`, `enrolments-unusable`. */
  readonly withNodes: <T>(use: (nodes: NodesStore) => Promise<T>) => Promise<T>;
}

/** The state in this folder. */
export function serverState(folder: string, host: ServerState['host']): ServerState {
  const files: ServerState['files'] = (mode = 'existing') => openStore(folder, host, mode);
  return {
    host,
    files,
    async withNodes(use) {
      const { root, host: owners } = await files();
      await using nodes = await openNodes(root, owners);
      return await use(nodes);
    },
  };
}
