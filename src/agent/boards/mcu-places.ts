import { dirname, join } from 'node:path';
import type { Host } from '../../host/host.ts';
import { isPattern, patternOf } from '../../name-pattern.ts';
import { type McuPlace, mcuPlace, mcuSections } from '../../print/mcu-sections.ts';

const MOST_BYTES = 1024 * 1024;
const MOST_FILES = 64;

/**
 * Where the boards of a printer are, by the printer.cfg that Klipper reads, and what it includes: nobody has to say it again, and
 * what is said twice is wrong once. By name; that of `[mcu]` is `mcu`. What cannot be read says nothing.
 */
export async function mcuPlaces(files: Pick<Host['files'], 'readRegular' | 'list'>, data: string) {
  const found = new Map<string, Map<string, string>>();
  const seen = new Set<string>();
  const read = async (path: string): Promise<void> => {
    if (seen.has(path) || seen.size >= MOST_FILES) return;
    seen.add(path);
    const file = await files.readRegular(path, MOST_BYTES).catch(() => undefined);
    if (!file) return;
    const { mcus, includes } = mcuSections(file.bytes.toString());
    for (const [name, values] of mcus) found.set(name, new Map([...(found.get(name) ?? []), ...values]));
    for (const include of includes) for (const each of await matches(files, dirname(path), include)) await read(each);
  };
  await read(`${data}/config/printer.cfg`);
  return new Map(
    [...found].flatMap(([name, values]): readonly (readonly [string, McuPlace])[] => {
      const place = mcuPlace(values);
      return place ? [[name, place]] : [];
    }),
  );
}

/** As glob of Python in Klipper has it, whose folders hardly ever have stars. */
async function matches(
  { list }: Pick<Host['files'], 'list'>,
  folder: string,
  include: string,
): Promise<readonly string[]> {
  const path = include.startsWith('/') ? include : join(folder, include);
  const [parent, name] = [dirname(path), path.slice(path.lastIndexOf('/') + 1)];
  if (!isPattern(name)) return [path];
  const names = await list(parent).catch(() => []);
  return names.filter(patternOf(name)).map((each) => `${parent}/${each}`);
}
