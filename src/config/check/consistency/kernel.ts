import { isBeyondGrub } from '../../command-line/grub-word.ts';
import type { Config } from '../../config.ts';
import type { Inconsistency } from './inconsistency.ts';

export const kernelFaults = (config: Config): readonly Inconsistency[] => [
  ...initrdsAlone(config),
  ...wordsOfGrub(config),
];

/** What would be served beside a kernel that nobody named. */
const initrdsAlone = ({ boot }: Config): readonly Inconsistency[] =>
  boot.initrd !== undefined && boot.kernel === undefined
    ? [{ path: ['boot', 'initrd'], message: 'these are the initrds of boot.kernel, which is not said' }]
    : [];

/** The machine would boot otherwise from its disk than by its network. */
function wordsOfGrub({ boot, drives }: Config): readonly Inconsistency[] {
  const drive = Object.entries(drives).find(
    ([, { make, partitions }]) => make !== 'never' && Object.values(partitions).some(({ role }) => role === 'bios'),
  )?.[0];
  if (drive === undefined) return [];
  return boot.arguments.flatMap((word, index) =>
    isBeyondGrub(word)
      ? [
          {
            path: ['boot', 'arguments', String(index)],
            message: `GRUB, which the drive ${drive} has a partition for, hands no kernel a single quote or a backslash: write it without`,
          },
        ]
      : [],
  );
}
