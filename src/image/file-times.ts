import type { Host } from '../host/host.ts';
import { runProgram } from './host-programs.ts';

/**
 * Brings times into what an image can hold: squashfs counts seconds from 1970 in 32 bits, so 1960 would become 2096; and none
 * is after the build.
 */
export async function clampTimes(
  host: Pick<Host, 'exec' | 'console'>,
  tree: string,
  epochSeconds: number,
): Promise<void> {
  const clamp = (isOutside: readonly string[], to: number) =>
    runProgram(host, ['find', tree, ...isOutside, '-printf', '.', '-exec', 'touch', '-h', '-d', `@${to}`, '{}', '+']);
  const early = (await clamp(['!', '-newermt', '@-0.000000001'], 0)).length;
  if (early > 0)
    host.console.line(
      'info',
      `image: ${early} times before 1970, which a root image cannot hold, are set to its beginning`,
    );
  await clamp(['-newermt', `@${epochSeconds}`], epochSeconds);
}
