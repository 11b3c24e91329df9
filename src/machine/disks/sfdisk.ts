import type { Partition, Table } from './gpt.ts';

/** Names that sfdisk(8) has for single bits; those of 48 and above are the type's own. */
const ATTRIBUTES = ['RequiredPartition', 'NoBlockIOProtocol', 'LegacyBIOSBootable'] as const;

/** What sfdisk(8) reads: a whole table, to the sector. Pure. */
export function sfdiskScript({ guid, firstUsableLba, lastUsableLba, partitions }: Table, sectorBytes: number): string {
  const head = [
    ...['label: gpt', `label-id: ${guid}`, 'unit: sectors', `sector-size: ${sectorBytes}`],
    ...[`first-lba: ${firstUsableLba}`, `last-lba: ${lastUsableLba}`],
  ];
  return `${[...head, '', ...partitions.map(lineOf)].join('\n')}\n`;
}

function lineOf({ number, type, uuid, firstLba, lastLba, attributes, name }: Partition): string {
  const fields = [
    ...[`start=${firstLba}`, `size=${lastLba - firstLba + 1}`, `type=${type}`, `uuid=${uuid}`, `name="${name}"`],
    ...(attributes === '0' ? [] : [`attrs="${attributesOf(attributes)}"`]),
  ];
  // The number at the end of the device's name is the partition's.
  return `/dev/p${number} : ${fields.join(', ')}`;
}

function attributesOf(hex: string): string {
  const bits = BigInt(`0x${hex}`);
  return Array.from({ length: 64 }, (_, bit) => bit)
    .filter((bit) => (bits >> BigInt(bit)) & 1n)
    .flatMap((bit) => ATTRIBUTES[bit] ?? (bit >= 48 ? [`GUID:${bit}`] : []))
    .join(',');
}

/** The kernel is told by partx(8), which leaves partitions alone that are as they were. */
export const sfdiskArgv = (path: string, over: 'nothing' | 'foreign data'): readonly string[] => {
  const wipe = over === 'nothing' ? 'never' : 'always';
  return ['sfdisk', '--quiet', '--no-reread', '--no-tell-kernel', '--wipe', wipe, '--wipe-partitions', wipe, path];
};

export const retypeArgv = (path: string, number: number, type: string): readonly string[] => [
  ...['sfdisk', '--quiet', '--no-reread', '--no-tell-kernel', '--part-type'],
  ...[path, String(number), type],
];
