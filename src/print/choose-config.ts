import { isPassing, pathFault } from './config-names.ts';

/** Bounds of a config. */
export interface ConfigBounds {
  readonly fileBytes: number;
  /** Of all files together. */
  readonly bytes: number;
  readonly files: number;
}

/**
 * Which files of a folder are a config, by name, and why others are none. What editors leave, what is of a repository of somebody's
 * own, and what lies at or below `apart`, which is another item's, is neither. Pure.
 */
export function chooseConfig<T extends { readonly path: string; readonly sizeBytes: number }>(
  all: readonly T[],
  apart: readonly string[],
  bounds: ConfigBounds,
): { readonly files: ReadonlyMap<string, T>; readonly left: ReadonlyMap<string, string> } {
  const names = new Set(all.map(({ path }) => path));
  const isOthers = (path: string) => apart.some((other) => path === other || path.startsWith(`${other}/`));
  const files = new Map<string, T>();
  const left = new Map<string, string>();
  let bytes = 0;
  for (const file of all.toSorted((a, b) => (a.path < b.path ? -1 : 1))) {
    const { path, sizeBytes } = file;
    if (isOthers(path) || isPassing(path, names) || /(?:^|\/)\.git\//.test(path)) continue;
    const why = pathFault(path) ?? sizeFault(sizeBytes, bytes + sizeBytes, files.size, bounds);
    if (why !== undefined) left.set(path, why);
    else {
      files.set(path, file);
      bytes += sizeBytes;
    }
  }
  return { files, left };
}

function sizeFault(sizeBytes: number, allBytes: number, count: number, bounds: ConfigBounds): string | undefined {
  if (sizeBytes > bounds.fileBytes) return `it has more than ${bounds.fileBytes} bytes`;
  if (allBytes > bounds.bytes) return `the config has more than ${bounds.bytes} bytes`;
  if (count >= bounds.files) return `the config has more than ${bounds.files} files`;
  return undefined;
}
