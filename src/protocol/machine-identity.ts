import type { Claims } from './claims.ts';
import { labelsByName } from './labels.ts';

/** What a machine says of itself, taken apart: as config.d knows machines. Claims, not proofs: they choose settings, never secrets. */
export interface MachineIdentity extends Omit<Claims, 'mac' | 'macs' | 'labels'> {
  /** Of every wired card; the one that it boots from first. */
  readonly macs: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
}

const cardsOf = (macs: string | undefined): readonly string[] => macs?.split(',').filter(Boolean) ?? [];

/** Of every card, the one that it boots from first. */
export const macsOf = ({ mac, macs }: Claims): readonly string[] => [
  ...(mac === undefined ? [] : [mac]),
  ...cardsOf(macs),
];

/** What the machine says of itself, as config.d knows machines. */
export const identityOf = (machine: Claims): MachineIdentity => {
  const { mac: _mac, macs: _macs, labels: _labels, ...others } = machine;
  return { ...others, macs: macsOf(machine), labels: labelsByName(machine.labels?.split(',').filter(Boolean) ?? []) };
};
