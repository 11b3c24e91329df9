import { StatectlError } from '../../error.ts';
import type { Claim, Claims } from '../../protocol/claims.ts';
import { CLAIMS } from '../../protocol/claims.ts';
import { macsOf } from '../../protocol/machine-identity.ts';
import { normalMachineValue } from '../machine.ts';

/** Chooses machines by one of their values, written `mac=52:54:00:12:34:56`, or by the channel that config.d gives them. */
export interface Selector {
  readonly key: Exclude<Claim, 'macs'> | 'channel';
  /** In the normal form of its key. */
  readonly value: string;
}

/** `mac` means any of its cards. */
const SELECTOR_KEYS = CLAIMS.filter((key) => key !== 'macs');

/** Throws `selector-invalid`, or `machine-invalid` for a value that its key cannot have. */
export function parseSelector(text: string): Selector {
  const at = text.indexOf('=');
  const [, channel] = /^channel=([A-Za-z0-9][A-Za-z0-9._-]*)$/.exec(text) ?? [];
  if (channel !== undefined) return { key: 'channel', value: channel };
  const key = SELECTOR_KEYS.find((known) => known === text.slice(0, at).trim().toLowerCase());
  if (at < 1 || key === undefined)
    throw new StatectlError('selector-invalid', `"${text}" selects nothing`, {
      hint: 'write mac=…, uuid=…, serial=…, hostname=…, arch=… or channel=…, as in mac=52:54:00:12:34:56',
    });
  return { key, value: normalMachineValue(key, text.slice(at + 1)) };
}

export const writeSelector = (selector: Selector): string => `${selector.key}=${selector.value}`;

/** The selectors that match a machine, the most particular first: the card that it boots from before its others. */
export const selectorsOf = (machine: Claims): readonly string[] => [
  ...macsOf(machine).map((value) => writeSelector({ key: 'mac', value })),
  ...SELECTOR_KEYS.flatMap((key) =>
    key === 'mac' || machine[key] === undefined ? [] : [writeSelector({ key, value: machine[key] })],
  ),
];
