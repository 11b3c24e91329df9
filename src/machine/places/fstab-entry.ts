import type { FstabEntry } from '../../config/config.ts';
import type { BlockFacts } from '../facts/root-facts.ts';
import type { Step } from '../steps/step.ts';
import { planCheck } from './check-disk.ts';

/** One disk, looked at before it is mounted and after; `folder` makes its mount point. Pure. */
export function planFstabEntry(
  target: string,
  entry: FstabEntry,
  block: BlockFacts,
  folder: readonly Step[],
): readonly Step[] {
  const type = entry.type === 'auto' ? (block.type ?? 'ext4') : entry.type;
  return [
    ...planCheck(block.device, type),
    ...folder,
    { kind: 'mount', source: block.device, target, type, options: entry.options },
    { kind: 'check-mount', target, type, access: entry.options.includes('ro') ? 'read-only' : 'read-write' },
  ];
}
