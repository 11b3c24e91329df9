import { dirname, join } from 'node:path';
import type { Files } from '../../../host/host.ts';
import type { PlainTree } from '../../../host/plain-tree.ts';
import { backupsAmong, MAIN_CONFIG, UNFINISHED } from '../../../print/config-names.ts';
import { isConfigText, splitPrinterConfig } from '../../../print/printer-config.ts';
import { sha256Of } from '../../../signed/bundle/manifest.ts';
import { writeFile } from './apply-config.ts';
import { type LocalConfig, readLocal } from './local-config.ts';

/** Where a good one may be, the newest first. */
export interface GoodConfigs {
  /** As the agent saw it last. */
  readonly kept: ReadonlyMap<string, Buffer> | undefined;
  /** As the server has it. */
  readonly line: () => Promise<ReadonlyMap<string, Buffer>>;
}

interface Repairing extends GoodConfigs {
  readonly local: LocalConfig;
  readonly noted: ReadonlyMap<string, string>;
  /** A folder for what was no good. */
  readonly evidence: string;
  readonly nowMs: number;
}

/** A file that a power cut left: empty, or full of NUL. */
const isTorn = (bytes: Uint8Array): boolean => bytes.length === 0 || bytes.includes(0);

/**
 * Puts a good version in the place of each file that a power cut emptied, and of a printer.cfg that is missing since SAVE_CONFIG has it
 * away between two renames. The bad one is kept. Gives what was done, a sentence each. Throws what a file system has against it.
 */
export async function repairConfig(
  files: Pick<Files, 'mkdir' | 'write'>,
  tree: PlainTree,
  { local, noted, evidence, nowMs, ...good }: Repairing,
): Promise<readonly string[]> {
  const done: string[] = [];
  // A file that is not noted may be the server's all the same: the agent died before it noted what that took.
  for (const path of new Set([MAIN_CONFIG, ...noted.keys(), ...local.files.keys()])) {
    const file = local.files.get(path);
    if (local.left.has(path) || local.isCut) continue;
    const bytes = file && (await readLocal(tree, file));
    const isMain = path === MAIN_CONFIG;
    // It was so before: whoever empties a file means it.
    if (bytes && sha256Of(bytes) === noted.get(path)) continue;
    const isGood = bytes ? (isMain ? isConfigText(bytes) : !isTorn(bytes)) : !isMain;
    if (isGood) continue;
    // A new printer has none.
    if (!bytes && !noted.has(path) && !local.names.has(UNFINISHED) && backupsAmong([...local.names]).length === 0)
      continue;
    const found = await newestGood(tree, path, bytes === undefined, local, good);
    if (!found) {
      if (isMain || noted.has(path))
        done.push(`${path} is ${bytes ? 'no config' : 'not there'}, and no good one was found`);
      continue;
    }
    if (bytes) {
      await keepDamaged(files, evidence, path, bytes, nowMs);
    }
    await writeFile(tree, path, found.bytes, String(BigInt(Math.trunc(nowMs)) * 1_000_000n), file?.stamp);
    const what = bytes === undefined ? 'missing' : bytes.length === 0 ? 'empty' : 'damaged';
    done.push(`${path} was ${what}: it is taken from ${found.from}${bytes ? `; the bad one is in ${evidence}` : ''}`);
  }
  return done;
}

/** For whoever wants to know what happened. */
export async function keepDamaged(
  files: Pick<Files, 'mkdir' | 'write'>,
  folder: string,
  path: string,
  bytes: Uint8Array,
  nowMs: number,
): Promise<void> {
  await writeAside(files, join(folder, String(Math.trunc(nowMs)), path), bytes);
}

/** For root's eyes. It keeps its path: with another name it might be too long, or another's. */
export async function writeAside(
  files: Pick<Files, 'mkdir' | 'write'>,
  path: string,
  bytes: Uint8Array,
): Promise<void> {
  await files.mkdir(dirname(path), 0o700);
  await files.write(path, bytes, { mode: 0o600 });
}

async function newestGood(
  tree: PlainTree,
  path: string,
  isMissing: boolean,
  local: LocalConfig,
  { kept, line }: GoodConfigs,
): Promise<{ readonly bytes: Buffer; readonly from: string } | undefined> {
  const isMain = path === MAIN_CONFIG;
  const isGood = (bytes: Buffer | undefined) => bytes !== undefined && (isMain ? isConfigText(bytes) : !isTorn(bytes));
  const beside = (name: string) => async (): Promise<Buffer | undefined> => {
    const file = await tree.look(name);
    return file && (await readLocal(tree, file));
  };
  const unfinished = [
    UNFINISHED,
    async () => {
      const bytes = await beside(UNFINISHED)();
      // The block is its end.
      const isWhole = bytes?.at(-1) === 10 && splitPrinterConfig(bytes.toString('latin1')).saved !== undefined;
      return isWhole ? bytes : undefined;
    },
  ] as const;
  const sources: readonly (readonly [from: string, read: () => Promise<Buffer | undefined>])[] = [
    // Written whole, and not yet renamed.
    ...(isMain && isMissing ? [unfinished] : []),
    ['what this machine kept', async () => kept?.get(path)],
    ['the server', async () => (await line()).get(path)],
    ...(isMain ? backupsAmong([...local.names]).map((name) => [name, beside(name)] as const) : []),
    ...(isMain && !isMissing ? [unfinished] : []),
  ];
  for (const [from, read] of sources) {
    const bytes = await read().catch(() => undefined);
    if (bytes && isGood(bytes)) return { bytes, from };
  }
  return undefined;
}
