import { entryOf } from '../../entry-of.ts';

const UNITS: Readonly<Record<string, number>> = { k: 2 ** 10, m: 2 ** 20, g: 2 ** 30 };

/** A tmpfs(5) size, `64M`, `1G`, `50%` of RAM, in bytes. */
export function sizeInBytes(size: string, ramBytes: number): number {
  const match = /^(\d+)([kKmMgG%]?)$/.exec(size);
  if (!match) return 0;
  const number = Number(match[1]);
  if (match[2] === '%') return Math.floor((ramBytes * number) / 100);
  return number * (entryOf(UNITS, (match[2] ?? '').toLowerCase()) ?? 1);
}
