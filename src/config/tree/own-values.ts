import type { Effective } from '../effective.ts';
import { identityOf } from '../nodes/find-node.ts';
import { type Plain, plainOf, writePath } from './tree.ts';

/** Writes `{{ node.name }}` where a text has this machine's own name. */
export type MaskOwn = (text: string) => string;

/** A machine's name and addresses, and these and its metadata. */
export interface Masks {
  readonly known: MaskOwn;
  readonly all: MaskOwn;
}

/** For telling what is the same for machines that differ in their own values alone. Whole words only. Pure. */
export function maskOwn({ node, metadata }: Pick<Effective, 'node' | 'metadata'>): Masks {
  if (node === undefined) return { known: same, all: same };
  const { macs = [], uuid = '', serial = '', hostname = '' } = identityOf(node);
  const known = [
    ['node.name', node.name],
    ['node.hostname', hostname],
    ...macs.map((mac, index) => [index === 0 ? 'node.mac' : `node.macs[${index}]`, mac] as const),
    ['node.uuid', uuid],
    ['node.serial', serial],
  ] as const;
  return { known: masking(known), all: masking([...known, ...leavesOf(plainOf(metadata), ['metadata'])]) };
}

const same: MaskOwn = (text) => text;

function masking(own: readonly (readonly [name: string, value: string])[]): MaskOwn {
  const names = new Map<string, string>();
  for (const [name, value] of own) if (value !== '' && !names.has(value)) names.set(value, name);
  // The longest first: `print01.lab` is more than `print01`.
  const values = [...names.keys()].toSorted((a, b) => b.length - a.length);
  const words = values.map((value) => value.replace(/\W/g, '\\$&')).join('|');
  const pattern = new RegExp(`(?<![\\w-])(?:${words})(?![\\w-])`, 'g');
  return (text) => text.replace(pattern, (value) => `{{ ${names.get(value)} }}`);
}

const leavesOf = (value: Plain, path: readonly string[]): readonly (readonly [string, string])[] =>
  value !== null && typeof value === 'object'
    ? Object.entries(value).flatMap(([key, inner]) => leavesOf(inner, [...path, key]))
    : typeof value === 'boolean' || value === null
      ? []
      : [[writePath(path), String(value)]];
