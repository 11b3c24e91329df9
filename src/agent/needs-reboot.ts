import type { Config } from '../config/config.ts';
import { changesBetween } from '../config/config-diff.ts';
import { type Plain, writePath } from '../config/tree.ts';

/**
 * What a running system cannot take on: disks, mounts and the network under everything that runs, the image and its kernel, and
 * what services have read when they started. A part is left as it was booted until the next boot.
 */
const LEFT_ALONE = ['boot', 'network', 'overlays', 'tmpfs', 'drives', 'btrfs', 'python', 'log'] as const;

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
  changesBetween(booted as unknown as Plain, now as unknown as Plain, [], (path) => JSON.stringify(path))
    .map(({ path }) => JSON.parse(path) as readonly string[])
    .filter((path) => [...LEFT_ALONE.map((part) => [part]), ...IN_EFFECT_LATER].some((prefix) => isBelow(path, prefix)))
    .filter((path) => !OF_THE_BOOT.some((prefix) => isBelow(path, prefix)))
    .map(writePath);

const isBelow = (path: readonly string[], prefix: readonly string[]): boolean =>
  prefix.every((part, at) => path[at] === part);

/** The settings that the running system can be made as: the parts that need a reboot are as booted. Pure. */
export const liveConfig = (booted: Config, now: Config): Config => ({
  ...now,
  ...(Object.fromEntries(LEFT_ALONE.map((part) => [part, booted[part]])) as Pick<Config, (typeof LEFT_ALONE)[number]>),
});
