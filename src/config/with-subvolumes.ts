import type { Config, FstabEntry } from './config.ts';

/**
 * The settings with the subvolumes of btrfs.conf among what is mounted, as if fstab.conf named them: a subvolume is a place of its
 * file system like any other. What fstab.conf says of a mount point counts before that. Pure.
 */
export function withSubvolumes(config: Config): Config {
  const added = Object.entries(config.btrfs).flatMap(([source, { subvolumes }]) =>
    Object.entries(subvolumes).flatMap(([name, { mount, options }]): readonly (readonly [string, FstabEntry])[] =>
      mount === undefined
        ? []
        : [[mount, { source, type: 'btrfs', options: [...options, `subvol=${name}`], missing: 'degraded' }]],
    ),
  );
  return added.length === 0 ? config : { ...config, fstab: { ...Object.fromEntries(added), ...config.fstab } };
}
