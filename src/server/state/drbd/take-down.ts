import type { DrbdVersion } from '../../../host/kernel/drbd-status.ts';
import { MACHINE_NODE_ID } from '../../../protocol/state/drbd.ts';
import type { Volume } from './volume-record.ts';
import type { VolumeStanding } from './volume-standing.ts';

/**
 * What takes a volume down before this host ends. With 9 a side that takes its leave of one who goes on writing calls itself outdated,
 * and no boot of that machine gets it again, should it lose its power meanwhile; a side that is cut off stays what it is, as with 8.4 and as
 * after a power cut. Pure.
 */
export function takeDownCommands(
  version: DrbdVersion,
  { resource }: Pick<Volume, 'resource'>,
  standing: VolumeStanding,
): readonly (readonly string[])[] {
  if ('why' in standing) return [];
  const isCutOff = version === 8 || standing.connection === 'StandAlone';
  const cutOff = ['drbdsetup', 'disconnect', resource, String(MACHINE_NODE_ID), '--force'];
  return [...(isCutOff ? [] : [cutOff]), ['drbdadm', 'down', resource]];
}
