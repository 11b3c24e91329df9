import { isDeepStrictEqual } from 'node:util';
import type { Config } from '../../config/config.ts';
import { type SettingPath, writePath } from '../../config/tree/tree.ts';
import { entryOf } from '../../entry-of.ts';
import { isMapping } from '../../host/record.ts';

/**
 * What a running system cannot take on: disks, mounts and the network under everything that runs, the image and its kernel, and
 * what services have read when they started. A part is left as it was booted until the next boot.
 */
const LEFT_ALONE = ['boot', 'network', 'overlays', 'tmpfs', 'drives', 'btrfs', 'python', 'log', 'state'] as const;

/** Files are written for these; what runs goes on as it is: no service is started, stopped or restarted by itself. */
const IN_EFFECT_LATER = [['services'], ['logging'], ['etc', 'hostname'], ['etc', 'machineId']];

/** How the initramfs goes about it at the next boot; nothing of the running system would differ. */
const OF_THE_BOOT = [
  ['network', 'waitMs'],
  ['network', 'dhcpMs'],
  ['network', 'tries'],
  ['boot', 'keepCopy'],
];

/** Settings that differ from those that were booted and take effect at the next boot only, by path. Pure. */
export const needsReboot = (booted: Config, now: Config): readonly string[] =>
  differences(booted, now, [])
    .filter((path) => [...LEFT_ALONE.map((part) => [part]), ...IN_EFFECT_LATER].some((prefix) => isBelow(path, prefix)))
    .filter((path) => !OF_THE_BOOT.some((prefix) => isBelow(path, prefix)))
    .map(writePath);

/** Where two settings differ, down to what is no mapping. */
function differences(from: unknown, to: unknown, path: SettingPath): readonly SettingPath[] {
  if (isDeepStrictEqual(from, to)) return [];
  if (!isMapping(from) || !isMapping(to)) return [path];
  const keys = new Set([...Object.keys(from), ...Object.keys(to)]);
  return [...keys].flatMap((key) => differences(entryOf(from, key), entryOf(to, key), [...path, key]));
}

const isBelow = (path: SettingPath, prefix: readonly string[]): boolean =>
  prefix.every((part, at) => path[at] === part);

/** The settings that the running system can be made as: the parts that need a reboot are as booted. Pure. */
export const liveConfig = (booted: Config, now: Config): Config => ({
  ...now,
  ...(Object.fromEntries(LEFT_ALONE.map((part) => [part, booted[part]])) as Pick<Config, (typeof LEFT_ALONE)[number]>),
});
