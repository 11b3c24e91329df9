import type { Proven } from '../reports/reports.ts';
import type { Store } from '../store/store.ts';
import { openEnrolments } from './enrolments.ts';
import { nodesDatabasePath } from './nodes-database.ts';

/** Whether a key that a machine once showed still counts for its node. Where there is no database, it does. Throws `enrolments-unusable`. */
export async function countedKeys({ root, host }: Store): Promise<(proven: Proven) => boolean> {
  const path = nodesDatabasePath(root);
  if ((await host.files.stat(path)) === undefined) return () => true;
  using enrolments = openEnrolments(path, host.clock.now);
  const nodes = new Map(enrolments.list('approved').map(({ digest, node }) => [digest, node]));
  return ({ node, digest }) => nodes.get(digest) === node;
}
