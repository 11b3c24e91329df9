import { patternOf } from '../../name-pattern.ts';
import type { DiskFacts } from './disk-facts.ts';
import type { Drive } from './layout.ts';

export type Match = Drive['match'];

/** Whether a disk is one that is meant: all that is said fits. Pure. */
export function fits({ id, serial, type, minSizeBytes, maxSizeBytes }: Match, disk: DiskFacts): boolean {
  return (
    (id === undefined || disk.ids.some((name) => patternOf(id)(name))) &&
    (serial === undefined || disk.serial === serial) &&
    (type === undefined || disk.attached === type) &&
    (minSizeBytes === undefined || disk.sizeBytes >= minSizeBytes) &&
    (maxSizeBytes === undefined || disk.sizeBytes <= maxSizeBytes)
  );
}
