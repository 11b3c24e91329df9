import { createHash, randomBytes } from 'node:crypto';
import { cardMac } from '../../protocol/mac-address.ts';
import type { Facts } from '../facts/facts.ts';
import type { NetworkFacts } from '../facts/network-facts.ts';
import type { InstallFacts } from '../facts/system-facts.ts';

export const KEPT_MACHINE_ID = '/user-data/persistent/statectl/machine-id';

/** Of the cards that keep theirs over boots: the order in which drivers find them is chance, their addresses are not. */
const lowestMac = (interfaces: NetworkFacts['interfaces'] = []): string | undefined =>
  interfaces
    .filter(({ wireless, random, mac }) => !wireless && !random && cardMac(mac) !== undefined)
    .map(({ mac }) => mac)
    .toSorted()[0];

/** As etc.conf says; else stable over boots: what was kept, else derived from the hardware; only a machine without any identity gets chance. */
export function machineId(
  { machine, network: { interfaces }, config }: Facts,
  kept: string,
): Pick<InstallFacts, 'machineId' | 'machineIdOrigin'> {
  const { machineId: wanted } = config.etc;
  if (/^[0-9a-f]{32}$/.test(wanted)) return { machineId: wanted, machineIdOrigin: 'configured' };
  if (wanted === 'random') return { machineId: randomBytes(16).toString('hex'), machineIdOrigin: 'random' };
  if (/^[0-9a-f]{32}$/.test(kept)) return { machineId: kept, machineIdOrigin: 'persistent' };
  // Makers give whole series one UUID or serial number; no two machines have the same card.
  const identity = [machine.uuid ?? machine.serial, lowestMac(interfaces)]
    .filter((part) => part !== undefined)
    .join(' ');
  if (identity === '') return { machineId: randomBytes(16).toString('hex'), machineIdOrigin: 'random' };
  return {
    machineId: createHash('sha256').update(`statectl machine-id ${identity}`).digest('hex').slice(0, 32),
    machineIdOrigin: 'derived',
  };
}
