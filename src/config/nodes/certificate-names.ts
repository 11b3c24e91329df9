import { machineNameFault, sameName } from '../../protocol/machine-name.ts';
import { type ConfigFault, faultAt } from '../check/fault.ts';
import type { ConfigDir } from '../config-dir.ts';
import { effectiveOf } from '../effective.ts';
import { type Origin, originOf, placeOf } from '../tree/tree.ts';
import type { NodeRecord } from './nodes.ts';

/** A name that a machine would have in its certificates, and whose it is not. */
export interface NameFault {
  readonly fault: ConfigFault;
  /** Absent: of machines that no node file names. */
  readonly node?: NodeRecord;
}

/** Where a further name was said for a node. One statement may give many a name that they share: it was meant. */
interface Alias {
  readonly name: string;
  readonly node?: NodeRecord;
  readonly at: Origin;
}

/**
 * Names by which one machine could be taken for another, or for a server: those of servers, addresses, and what another node
 * is called, or calls itself by a statement of its own. Case does not tell names apart. For the check and for who issues
 * certificates: a machine boots with such settings, it only gets no certificate. Pure.
 */
export function certificateNameFaults(dir: ConfigDir): readonly NameFault[] {
  const nodes = [...dir.nodes.nodes.values()];
  const aliases = [undefined, ...nodes].flatMap((node) => aliasesOf(dir, node));
  const called = Map.groupBy(nodes, ({ name }) => sameName(name));
  const said = Map.groupBy(onceAPlace(aliases), ({ name }) => sameName(name));

  const ofNodes = nodes.map((node): NameFault | undefined => {
    const other = called.get(sameName(node.name))?.find((one) => one !== node);
    const alias = said.get(sameName(node.name))?.find((one) => one.node && one.node !== node);
    const message =
      machineNameFault(node.name) ??
      (other && `${node.name} and ${other.name} (${other.file}) differ in case alone: as names they are one`) ??
      (alias && `${node.name} is a name of ${alias.node?.name}, too: ${placeOf(alias.at)}`);
    return message === undefined ? undefined : { node, fault: faultAt(node.origin, message) };
  });
  const ofAliases = aliases.map(({ name, node, at }): NameFault | undefined => {
    const owner = node && called.get(sameName(name))?.find((one) => one !== node);
    const other = said.get(sameName(name))?.find((one) => placeOf(one.at) !== placeOf(at));
    const message =
      machineNameFault(name) ??
      (owner && `${name} is the name of another node (${owner.file}): no other can have it`) ??
      (other && `${name} is said for another machine, too: ${placeOf(other.at)}`);
    return message === undefined ? undefined : { ...(node && { node }), fault: faultAt(at, message) };
  });
  return [...ofNodes, ...ofAliases].filter((one) => one !== undefined);
}

/** Its own name among them says nothing new. */
function aliasesOf(dir: ConfigDir, node: NodeRecord | undefined): readonly Alias[] {
  const { config, settings } = effectiveOf(dir, node);
  return (config?.identity.names ?? []).flatMap((name, index) => {
    if (node && sameName(node.name) === sameName(name)) return [];
    return [{ name, ...(node && { node }), at: originOf(settings, ['identity', 'names', index]) }];
  });
}

/** A statement for ten thousand nodes is one, besides what it says of machines that no file names. */
const onceAPlace = (aliases: readonly Alias[]): readonly Alias[] =>
  [
    ...Map.groupBy(aliases, ({ name, at, node }) => `${sameName(name)} ${placeOf(at)} ${node === undefined}`).values(),
  ].flatMap((alike) => alike.slice(0, 1));
