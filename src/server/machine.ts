import { archName } from '../config/arch-names.ts';
import { isLabel, labelsByName, type MachineIdentity } from '../config/identity.ts';
import { StatectlError } from '../error.ts';

/** What a machine says of itself when it asks for an image. Claims, not proofs: they may choose a public image only. */
export interface Machine {
  /** Lower case with colons. */
  readonly mac?: string;
  /** SMBIOS UUID, lower case. */
  readonly uuid?: string;
  readonly serial?: string;
  /** As `uname -m` prints it. */
  readonly arch?: string;
  /** What DHCP or its kernel command line calls it. */
  readonly hostname?: string;
  /** `room=b12,row=3`: what its kernel command line says with statectl.label=, by name. */
  readonly labels?: string;
  /** Of its other wired cards, separated by commas. */
  readonly macs?: string;
}

export type MachineKey = keyof Machine;
/** From the most to the least particular, which is also the order in which selectors win. */
export const MACHINE_KEYS = [
  'mac',
  'uuid',
  'serial',
  'hostname',
  'arch',
  'labels',
  'macs',
] as const satisfies readonly MachineKey[];

/** `AA-BB-…`, `aabb.ccdd.eeff`, `01-aa-…` (BOOTIF) or bare hex, as `aa:bb:cc:dd:ee:ff`; undefined when it is no MAC address. */
export function normalMac(text: string): string | undefined {
  const separated = /^(?:01[:-])?[0-9a-f]{2}([:-])[0-9a-f]{2}(?:\1[0-9a-f]{2}){4}$/i.test(text);
  const dotted = /^[0-9a-f]{4}\.[0-9a-f]{4}\.[0-9a-f]{4}$/i.test(text);
  if (!separated && !dotted && !/^[0-9a-f]{12}$/i.test(text)) return undefined;
  const digits = text
    .replace(/[^0-9a-f]/gi, '')
    .toLowerCase()
    .slice(-12);
  return digits.match(/../g)?.join(':');
}

/** UUIDs that makers left in whole series of boards: they tell nothing, and many machines would share them. */
const JUNK_UUIDS = /^([0f])\1{7}(-\1{4}){3}-\1{12}$|^03000200-0400-0500-0006-000700080009$/;

/** More cards than a machine tells of. */
const MOST_CARDS = 32;

const NORMAL: Readonly<Record<MachineKey, (text: string) => string | undefined>> = {
  mac: normalMac,
  uuid: (text) => (/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(text) ? text.toLowerCase() : undefined),
  serial: (text) => (/^[\x20-\x7e]{1,128}$/.test(text) ? text : undefined),
  hostname: (text) => (/^[a-z0-9.-]{1,253}$/i.test(text) ? text.toLowerCase() : undefined),
  labels: (text) => {
    const labels = text.split(',').filter(isLabel);
    return text.length <= 1024 && labels.length === text.split(',').length ? labels.toSorted().join(',') : undefined;
  },
  // iPXE sends nothing between two commas for a card that is not there.
  macs: (text) => {
    const macs = text.split(',').filter(Boolean).map(normalMac);
    return macs.length <= MOST_CARDS && macs.every((mac) => mac !== undefined)
      ? [...new Set(macs)].toSorted().join(',')
      : undefined;
  },
  arch: (text) => (/^[a-z0-9_]{1,32}$/i.test(text) ? archName(text) : undefined),
};

const isJunk = (key: MachineKey, value: string): boolean =>
  key === 'uuid' && JUNK_UUIDS.test(value.trim().toLowerCase());

/** One value in its normal form. Throws `machine-invalid`. */
export function normalMachineValue(key: MachineKey, text: string): string {
  const normal = isJunk(key, text) ? undefined : NORMAL[key](text.trim());
  if (normal === undefined) {
    const [what, example] = NAMED[key];
    throw new StatectlError('machine-invalid', `${JSON.stringify(text.slice(0, 80))} is not ${what}`, {
      hint: `like ${example}`,
    });
  }
  return normal;
}

const NAMED: Readonly<Record<MachineKey, readonly [what: string, example: string]>> = {
  mac: ['a mac', '52:54:00:12:34:56'],
  uuid: ['a uuid', '4c4c4544-0042-3510-8052-b4c04f4e4d32'],
  serial: ['a serial number', 'PF0ABC12, of letters that print'],
  hostname: ['a host name', 'print01'],
  arch: ['an architecture', 'x86_64 or aarch64'],
  labels: ['a label', 'rack=07: NAME=VALUE'],
  macs: ['a list of macs', '52:54:00:12:34:56,52:54:00:12:34:57'],
};

/** The machine in a query string. Empty values and junk count as absent: iPXE expands unknown settings to nothing. */
export function machineFromQuery(query: Readonly<Record<string, unknown>>): Machine {
  const machine: Partial<Record<MachineKey, string>> = {};
  for (const key of MACHINE_KEYS) {
    const value = query[key];
    if (value === undefined || value === '') continue;
    if (typeof value !== 'string') throw new StatectlError('machine-invalid', `${key} is given more than once`);
    if (value.trim() !== '' && !isJunk(key, value)) machine[key] = normalMachineValue(key, value);
  }
  const { macs, ...others } = machine;
  const cards = cardsOf(macs).filter((mac) => mac !== machine.mac);
  return cards.length === 0 ? others : { ...others, macs: cards.join(',') };
}

const cardsOf = (macs: string | undefined): readonly string[] => macs?.split(',').filter(Boolean) ?? [];

/** Of every card, the one that it boots from first. */
export const macsOf = ({ mac, macs }: Machine): readonly string[] => [
  ...(mac === undefined ? [] : [mac]),
  ...cardsOf(macs),
];

/** The same query again, for a script that asks once more. */
export const machineQuery = (machine: Machine): string =>
  MACHINE_KEYS.flatMap((key) =>
    machine[key] === undefined
      ? []
      : [`${key}=${encodeURIComponent(machine[key]).replaceAll('%3A', ':').replaceAll('%2C', ',')}`],
  ).join('&');

/** True when a kernel for `imageArch` can run here. A 32-bit iPXE also runs on 64-bit PCs, so i386 excludes nothing of x86. */
export const runsOn = (imageArch: string, machine: Machine): boolean =>
  machine.arch === undefined || machine.arch === imageArch || (machine.arch === 'i386' && imageArch === 'x86_64');

/** What the machine says of itself, as config.d knows machines. */
export const identityOf = (machine: Machine): MachineIdentity => {
  const { mac: _mac, macs: _macs, labels: _labels, ...others } = machine;
  return { ...others, macs: macsOf(machine), labels: labelsByName(machine.labels?.split(',').filter(Boolean) ?? []) };
};
