import { entryOf } from '../../entry-of.ts';
import type { MachineIdentity } from '../../protocol/machine-identity.ts';

/** What a node or a group asks of a machine; all of it must hold. */
export interface Match {
  /** Any of these. */
  readonly mac?: readonly string[];
  readonly uuid?: string;
  readonly serial?: string;
  readonly arch?: string;
  readonly hostname?: string;
  readonly labels?: Readonly<Record<string, string>>;
}

/** How many selectors of a match hold; undefined when one does not, or there is none. */
export function matchCount(match: Match, machine: MachineIdentity): number | undefined {
  const verdicts = [
    ...(match.mac === undefined ? [] : [match.mac.some((mac) => machine.macs.includes(mac))]),
    ...(['uuid', 'serial', 'arch', 'hostname'] as const)
      .filter((key) => match[key] !== undefined)
      .map((key) => sameText(key, match[key], machine[key])),
    ...Object.entries(match.labels ?? {}).map(([name, value]) => entryOf(machine.labels, name) === value),
  ];
  return verdicts.length > 0 && verdicts.every(Boolean) ? verdicts.length : undefined;
}

/** A serial number is what its maker wrote; the others know no case. */
const sameText = (key: string, wanted: string | undefined, found: string | undefined): boolean =>
  key === 'serial' ? wanted === found : wanted?.toLowerCase() === found?.toLowerCase();

/** `mac 52:54:00:12:34:56, hostname print01`: for a message. */
export const writeMatch = (match: Match): string =>
  [
    ...(match.mac ? [`mac ${match.mac.join(' or ')}`] : []),
    ...(['uuid', 'serial', 'arch', 'hostname'] as const).flatMap((key) => (match[key] ? [`${key} ${match[key]}`] : [])),
    ...Object.entries(match.labels ?? {}).map(([name, value]) => `label ${name}=${value}`),
  ].join(', ');
