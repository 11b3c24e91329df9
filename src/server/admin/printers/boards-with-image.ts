import type { Config } from '../../../config/config.ts';
import { entryOf } from '../../../entry-of.ts';
import { compareVersions } from '../../../print/klipper-version.ts';
import type { ReportedBoards } from '../../../protocol/report.ts';
import { writeImageName } from '../../images/image-name.ts';
import type { StoredImage } from '../../images/image-record.ts';

/**
 * What an admin should know before machines boot this image: boards whose firmware is not of its Klipper, where they were of the one
 * before, or nobody can say. Klipper tolerates another version that knows the same commands, so this stops nothing. Pure.
 */
export function boardsWith(
  { manifest, ...name }: Pick<StoredImage, 'manifest' | 'name' | 'version'>,
  boards: ReportedBoards,
  printers: Config['state']['printers'],
): readonly string[] {
  const image = writeImageName(name);
  const klippers = manifest.klipper ?? {};
  const [only, ...others] = Object.values(klippers);
  return Object.entries(boards).flatMap(([printer, { klipper = '', mcus }]) => {
    const folder = entryOf(printers, printer)?.programs.klipper;
    const next =
      (folder === undefined ? undefined : entryOf(klippers, folder)) ?? (others.length === 0 ? only : undefined);
    if (next === undefined)
      return [`${image} does not say which Klipper ${printer} has there: whether its boards go with it is not known`];
    if (compareVersions(next, klipper) === 'same') return [];
    return Object.entries(mcus).flatMap(([mcu, firmware]) =>
      compareVersions(next, firmware) === 'differs'
        ? [`${mcu} of ${printer} has the firmware ${firmware}, and ${image} Klipper ${next}: it may have to be flashed`]
        : [],
    );
  });
}

/** Printers whose Klipper cannot talk to a board that is there: the system that runs is not good for them. Pure. */
export const boardsAtFault = (boards: ReportedBoards): readonly string[] =>
  Object.entries(boards).flatMap(([printer, { health, cause }]) =>
    health === 'bad'
      ? [`Klipper of ${printer} cannot talk to its board (${cause}): \`statectl status\` there says what to do`]
      : [],
  );
