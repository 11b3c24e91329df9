import type { Files } from '../../host/host.ts';

/** An end for all of these paths, with which nothing is there yet: what was put aside before stays. */
export async function freeEnd({ stat }: Pick<Files, 'stat'>, paths: readonly string[], end: string): Promise<string> {
  for (let count = 1; ; count += 1) {
    const numbered = count === 1 ? end : `${end}-${count}`;
    const stats = await Promise.all(paths.map((path) => stat(`${path}${numbered}`)));
    if (stats.every((one) => one === undefined)) return numbered;
  }
}
