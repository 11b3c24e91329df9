import { type LastReport, lastReports, type Proven } from '../../reports/reports.ts';
import { hasNodes } from '../../store/open-nodes.ts';
import type { ServerState } from '../server-state.ts';

/** What each machine told last, as `lastReports` has it; what was proven by a key that counts no more is left out. */
export async function countedReports(state: ServerState): Promise<ReadonlyMap<string, LastReport>> {
  return lastReports(await state.files(), await countedKeys(state));
}

/** Whether a key that a machine once showed still counts for its node. Where there is no database, it does. Throws `enrolments-unusable`. */
async function countedKeys({ host, files, withNodes }: ServerState): Promise<(proven: Proven) => boolean> {
  if (!(await hasNodes(host, (await files()).root))) return () => true;
  const counting = await withNodes((nodes) => nodes.enrolments({ state: 'approved' }));
  const nodes = new Map(counting.map(({ digest, node }) => [digest, node]));
  return ({ node, digest }) => nodes.get(digest) === node;
}
