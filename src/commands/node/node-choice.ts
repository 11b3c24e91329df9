import { Option } from 'commander';
import { nearest } from '../../config/check/suggest.ts';
import { readConfigDir } from '../../config/config-dir.ts';
import { groupsOf } from '../../config/nodes/find-node.ts';
import { expandHostlist, foldHostlist } from '../../config/nodes/hostlist.ts';
import { StatectlError } from '../../error.ts';
import { linuxHost } from '../../host/linux/host.ts';
import { needsFolder } from '../config/config-source.ts';

/** What a verb for many machines calls them, the same for all. */
export const NODE_WORDS = 'names of nodes, as print[01-24], or all (not with --group)';
export const groupOption = (): Option => new Option('--group <name>', 'the nodes of a group of config.d');

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
export async function nodesOfGroup(config: string, group: string): Promise<readonly string[]> {
  await needsFolder(config);
  const { nodes } = await readConfigDir(linuxHost(), config);
  const members = [...nodes.nodes.values()].filter((node) =>
    groupsOf(nodes, node, undefined).some(({ name }) => name === group),
  );
  if (members.length > 0) return members.map(({ name }) => name);
  const meant = nearest(group, nodes.groups.keys());
  throw new StatectlError('group-unknown', `no node is in a group ${group}`, {
    hint: meant && meant !== group ? `did you mean ${meant}?` : '`statectl node list` shows the groups of each node',
  });
}
