import { matchesDevice, parseDeviceReference } from './device-reference.ts';
import type { Facts } from './facts.ts';
import type { BlockFacts } from './root-facts.ts';

export function findBlock(blocks: readonly BlockFacts[], reference: string): BlockFacts | undefined {
  const wanted = parseDeviceReference(reference);
  return blocks.find((block) => matchesDevice(wanted, block));
}

export function userDataDevice({ config, root: { blocks } }: Pick<Facts, 'config' | 'root'>): BlockFacts | undefined {
  const entry = config.fstab['/user-data'];
  return entry && findBlock(blocks ?? [], entry.source);
}

export const bootsLocalRoot = ({ config }: Pick<Facts, 'config'>): boolean =>
  config.boot.root !== undefined && parseDeviceReference(config.boot.root).kind !== 'url';
