import { posix } from 'node:path';
import { entryOf } from '../../../entry-of.ts';
import type { Config } from '../../config.ts';
import { pathFault } from '../../settings/delivered-path.ts';

type Layout = Pick<Config, 'fstab' | 'tmpfs' | 'overlays'>;

/** As many links as the kernel follows: MAXSYMLINKS. */
const MOST_LINKS = 40;

/** A path after the links that overlays.conf declares; what the image has besides is not known here. undefined: in a circle. */
export function withoutLinks(overlays: Config['overlays'], path: string): string | undefined {
  let at = path;
  for (let followed = 0; followed < MOST_LINKS; followed += 1) {
    const link = Object.keys(overlays)
      .filter((place) => entryOf(overlays, place)?.kind === 'symlink' && (at === place || at.startsWith(`${place}/`)))
      .toSorted((a, b) => a.length - b.length)[0];
    const entry = link === undefined ? undefined : entryOf(overlays, link);
    if (link === undefined || entry?.kind !== 'symlink') return at;
    at = posix.join(posix.resolve(posix.dirname(link), entry.target), at.slice(link.length));
  }
  return undefined;
}

/** Why no file can be written there when a machine boots; undefined when one can. Pure. */
export function unwritable(config: Layout, path: string): string | undefined {
  const real = withoutLinks(config.overlays, path);
  // A circle is told where it is.
  if (real === undefined) return undefined;
  const name = real === path ? path : `${path} (${real})`;
  const fault = pathFault(path) ?? pathFault(real);
  if (fault !== undefined) return `${name} ${fault}`;
  const parts = ['overlays', 'tmpfs', 'fstab'] as const;
  const folder = parts.find((part) => Object.hasOwn(config[part], real));
  if (folder !== undefined) return `${name} is a folder: ${folder}.conf has it`;
  const around = parts
    .flatMap((part) => Object.keys(config[part]).map((place) => ({ part, place })))
    .filter(({ place }) => real.startsWith(`${place}/`))
    // A disk takes the place of RAM at the same mount point.
    .toSorted((a, b) => a.place.length - b.place.length || parts.indexOf(a.part) - parts.indexOf(b.part))
    .at(-1);
  if (around !== undefined)
    return isReadOnly(config, around) ? `${name} is read-only: ${around.part}.conf has ${around.place} so` : undefined;
  if (/^\/(?:run|user-data)\//.test(real)) return undefined;
  return `${name} is read-only: overlays.conf, tmpfs.conf and fstab.conf make no place around it writable`;
}

function isReadOnly(config: Layout, { part, place }: { part: keyof Layout; place: string }): boolean {
  if (part !== 'overlays') {
    const mounts: Readonly<Record<string, { readonly options: readonly string[] }>> = config[part];
    return entryOf(mounts, place)?.options.includes('ro') ?? false;
  }
  const entry = entryOf(config.overlays, place);
  return entry?.kind === 'readonly' || (entry !== undefined && 'options' in entry && entry.options.includes('ro'));
}
