import { StatectlError } from '../../../error.ts';
import type { Host } from '../../../host/host.ts';
import { lastLine } from '../../steps/must-run.ts';
import type { DiskReference, Found } from '../disk-facts.ts';
import { TAIL_BYTES } from '../read-disk.ts';
import { LOOKED_AT_BYTES } from '../signatures.ts';
import { guardDisk } from './guard.ts';

const MIB = 2 ** 20;

export interface WipeDisk {
  readonly disk: DiskReference;
  readonly found: Found;
  /** Where in bytes something may begin, besides the disk itself. */
  readonly places: readonly number[];
}

/** Makes a disk empty: what begins on it first, its tables last, so that one whose wipe was cut is still known. */
export async function wipeDisk(host: Host, { disk, found, places }: WipeDisk): Promise<void> {
  const { path } = await guardDisk(host, disk, found);
  const ends = Math.max(0, disk.sizeBytes - TAIL_BYTES);
  for (const [offset, length] of [
    ...places.map((place) => [place, LOOKED_AT_BYTES] as const),
    ...[[ends, TAIL_BYTES] as const, [0, MIB] as const],
  ]) {
    const bytes = Buffer.alloc(Math.min(length, disk.sizeBytes - offset));
    const argv = ['dd', `of=${path}`, `bs=${disk.sectorBytes}`, `seek=${offset / disk.sectorBytes}`];
    const result = await host.exec.run([...argv, 'conv=notrunc,fsync'], { input: bytes });
    if (result.exitCode !== 0)
      throw new StatectlError(
        'disk-failed',
        `drive ${disk.drive}: ${disk.id}: it could not be wiped: ${lastLine(result)}`,
        {
          hint: 'dmesg | tail says whether the disk is at fault',
        },
      );
  }
  // There may be no partition to forget.
  await host.exec.run(['partx', '--delete', path]);
}
