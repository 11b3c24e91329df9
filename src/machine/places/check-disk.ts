import type { Step } from '../steps/step.ts';

/** fsck(8) has a checker for these; the others look after themselves when they are mounted. */
const CHECKED = new Set(['ext2', 'ext3', 'ext4', 'vfat']);

export const planCheck = (device: string, type: string): readonly Step[] =>
  CHECKED.has(type) ? [{ kind: 'check-filesystem', device, type }] : [];
