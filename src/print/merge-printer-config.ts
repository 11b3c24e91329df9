import {
  joinPrinterConfig,
  type PrinterConfig,
  type SavedBlock,
  savedKeys,
  splitPrinterConfig,
  withoutSaved,
} from './printer-config.ts';

/** One file, as the printer has it, as the server has it, and as both had it. */
export interface ThreeTexts {
  readonly base: string | undefined;
  readonly ours: string;
  readonly theirs: string;
}

/** What is left to a merge by lines, and how to make a whole file of what comes out. */
export interface WrittenMerge {
  readonly texts: ThreeTexts;
  readonly finish: (written: string) => string;
}

/**
 * Takes the block that SAVE_CONFIG wrote out of a merge: key by key what the printer (`ours`) changed counts, since Klipper
 * holds it in memory and writes it again at the next SAVE_CONFIG. What Klipper commented out because of it is no change of
 * a person's. undefined: there is no block, or one that Klipper would not read either. Pure.
 */
export function writtenMerge({ base, ours, theirs }: ThreeTexts): WrittenMerge | undefined {
  const [of, at, their] = [ours, base ?? '', theirs].map(splitPrinterConfig) as [
    PrinterConfig,
    PrinterConfig,
    PrinterConfig,
  ];
  if (!of.saved && !their.saved) return undefined;
  if ([of, their].some(({ written }) => written.includes('#*#'))) return undefined;
  const saved = mergeSaved(of.saved ?? new Map(), at.saved ?? new Map(), their.saved ?? new Map());
  const bare = ({ written }: PrinterConfig) => withoutSaved(written.trimEnd(), saved);
  return {
    texts: {
      base: base === undefined ? undefined : `${bare(at)}\n`,
      ours: `${bare(of)}\n`,
      theirs: `${bare(their)}\n`,
    },
    finish: (written) => joinPrinterConfig({ written, saved: saved.size > 0 ? saved : undefined }),
  };
}

const sameLines = (a: readonly string[] | undefined, b: readonly string[] | undefined): boolean =>
  a === b || (a !== undefined && b !== undefined && a.join('\n') === b.join('\n'));

function mergeSaved(ours: SavedBlock, base: SavedBlock, theirs: SavedBlock): SavedBlock {
  const merged = new Map<string, Map<string, readonly string[]>>();
  // In the printer's order, then what it does not have.
  for (const [section, key] of [...savedKeys(ours), ...savedKeys(theirs)]) {
    const [mine, was, other] = [ours, base, theirs].map((block) => block.get(section)?.get(key));
    const value = sameLines(mine, was) ? other : mine;
    if (value === undefined) continue;
    const values = merged.get(section) ?? new Map<string, readonly string[]>();
    values.set(key, value);
    merged.set(section, values);
  }
  return merged;
}
