import { nearest } from '../../../config/check/suggest.ts';
import { needsConfigDir, readConfigDir } from '../../../config/config-dir.ts';
import { groupsOf } from '../../../config/nodes/find-node.ts';
import { expandHostlist, foldHostlist } from '../../../config/nodes/hostlist.ts';
import { StatectlError } from '../../../error.ts';
import type { Host } from '../../../host/host.ts';

/** What a use case for many machines is told of them: names as a hostlist or `all`, or a group of config.d. */
export interface NodeChoice {
  /** Folder of config.d. */
  readonly config: string;
  readonly selector?: string;
  /** Instead of names. */
  readonly group?: string;
}

/** The names of a hostlist, which must be known; `all` names every known one. Throws `node-unknown`, with this hint. */
export function nodesNamed(selector: string, known: readonly string[], unknown: string, hint: string) {
  if (selector === 'all') return known;
  const names = expandHostlist(selector);
  const isKnown = new Set(known);
  const strangers = names.filter((name) => !isKnown.has(name));
  if (strangers.length > 0) throw new StatectlError('node-unknown', `${unknown} ${foldHostlist(strangers)}`, { hint });
  return names;
}

/** Its members by config.d, however they came to be. Throws `config-missing`, `group-unknown`. */
export async function nodesOfGroup(
  host: Pick<Host, 'files'>,
  config: string,
  group: string,
): Promise<readonly string[]> {
  await needsConfigDir(host, config);
  const { nodes } = await readConfigDir(host, config);
  const members = [...nodes.nodes.values()].filter((node) =>
    groupsOf(nodes, node, undefined).some(({ name }) => name === group),
  );
  if (members.length > 0) return members.map(({ name }) => name);
  const meant = nearest(group, nodes.groups.keys());
  throw new StatectlError('group-unknown', `no node is in a group ${group}`, {
    hint: meant && meant !== group ? `did you mean ${meant}?` : '`statectl node list` shows the groups of each node',
  });
}
