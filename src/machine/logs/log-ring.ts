import type { Config } from '../../config/config.ts';
import type { Files } from '../../host/host.ts';

/** Of log.conf. */
export type RingSettings = Pick<Config['log'], 'keep' | 'limitBytes' | 'compress'>;

/** What is kept of a boot: its log, the reports of its tries that failed, what a crash before it left, and its way down. */
const KINDS = {
  log: 'boot-NUMBER.log',
  failed: 'boot-NUMBER.failed.txt',
  panic: 'boot-NUMBER.panic.txt',
  stop: 'stop-NUMBER.tar',
} as const;
export type LogKind = keyof typeof KINDS;

export interface KeptLog {
  readonly name: string;
  readonly kind: LogKind;
  /** Boots are counted, since a machine may have no clock. */
  readonly number: number;
  readonly sizeBytes: number;
  readonly mtimeMs: number;
}

/** Ours alone, and no log: a power cut may leave it, and such as the Files port makes. */
const TEMPORARY = '.statectl-log.tmp';
const isLeftOver = (name: string): boolean => name.startsWith('.statectl-') && name.endsWith('.tmp');
/** How often a disk that is full gets room for a new log by the oldest boot's. */
const MOST_MADE_ROOM = 3;

const nameOf = (kind: LogKind, number: number, compress: RingSettings['compress']): string =>
  `${KINDS[kind].replace('NUMBER', String(number).padStart(6, '0'))}${compress === 'zstd' ? '.zst' : ''}`;

/** undefined: the file is another's. */
function logOf(name: string): Pick<KeptLog, 'name' | 'kind' | 'number'> | undefined {
  for (const kind of Object.keys(KINDS) as LogKind[]) {
    const [before = '', after = ''] = KINDS[kind].split('NUMBER');
    const plain = name.replace(/\.zst$/, '');
    const number = plain.slice(before.length, plain.length - after.length);
    if (plain.startsWith(before) && plain.endsWith(after) && /^\d{6}$/.test(number))
      return { name, kind, number: Number(number) };
  }
  return undefined;
}

/** Whether a file of this name is of a ring: one that lies in what is archived is not archived again. */
export const isOfRing = (name: string): boolean => isLeftOver(name) || logOf(name) !== undefined;

/** What is kept, the oldest first. */
export async function readRing(files: Pick<Files, 'list' | 'stat'>, dir: string): Promise<readonly KeptLog[]> {
  const kept: KeptLog[] = [];
  for (const name of await files.list(dir)) {
    const log = logOf(name);
    const stat = log && (await files.stat(`${dir}/${name}`));
    if (log && stat?.type === 'file') kept.push({ ...log, sizeBytes: stat.sizeBytes, mtimeMs: stat.mtimeMs });
  }
  return kept.toSorted((a, b) => a.number - b.number || a.mtimeMs - b.mtimeMs);
}

/** What goes for a new log, the oldest first: of boots too long ago, of the same boot and kind, and what is over the limit. Pure. */
export function planRoom(
  kept: readonly KeptLog[],
  fresh: Pick<KeptLog, 'name' | 'kind' | 'number' | 'sizeBytes'>,
  { keep, limitBytes }: RingSettings,
): readonly KeptLog[] {
  const others = kept.filter(({ name }) => name !== fresh.name);
  let bytes = fresh.sizeBytes;
  const staying = new Set<string>();
  for (const log of others.toReversed()) {
    const isReplaced = log.number === fresh.number && log.kind === fresh.kind;
    if (isReplaced || log.number <= fresh.number - keep) continue;
    bytes += log.sizeBytes;
    // What is older than the first that has no room goes with it.
    if (bytes > limitBytes) break;
    staying.add(log.name);
  }
  return others.filter(({ name }) => !staying.has(name));
}

/**
 * Keeps a log. It is whole or not there, whatever happens meanwhile: written under another name, made durable, then named. What has no
 * room makes the oldest boots go, never this one. Gives the number of its boot: the one that it says, or the next. `chunks` may be asked
 * for again, when the disk was full. Throws as the disk does.
 */
export async function keepLog(
  files: Files,
  dir: string,
  settings: RingSettings,
  { kind, number: of }: { readonly kind: LogKind; readonly number?: number | undefined },
  chunks: () => AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
): Promise<number> {
  await files.mkdir(dir, 0o700);
  for (const name of await files.list(dir)) if (isLeftOver(name)) await files.remove(`${dir}/${name}`);
  const kept = await readRing(files, dir);
  const number = of ?? (kept.at(-1)?.number ?? 0) + 1;
  if (settings.keep === 0) {
    for (const { name } of kept) await files.remove(`${dir}/${name}`);
    return number;
  }
  const fresh = { kind, number, name: nameOf(kind, number, settings.compress) };
  const sizeBytes = await writeWithRoom(files, dir, settings, number, chunks);
  for (const { name } of planRoom(await readRing(files, dir), { ...fresh, sizeBytes }, settings))
    await files.remove(`${dir}/${name}`);
  await files.rename(`${dir}/${TEMPORARY}`, `${dir}/${fresh.name}`);
  return number;
}

/** Gives the size of the temporary file. */
async function writeWithRoom(
  files: Files,
  dir: string,
  { compress }: RingSettings,
  number: number,
  chunks: () => AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
): Promise<number> {
  const path = `${dir}/${TEMPORARY}`;
  for (let madeRoom = 0; ; madeRoom += 1) {
    try {
      return await writeTemporary(files, path, compress === 'zstd' ? await compressed(chunks()) : chunks());
    } catch (error) {
      await files.remove(path).catch(() => undefined);
      const oldest = (await readRing(files, dir))[0]?.number;
      if (!isFull(error) || madeRoom === MOST_MADE_ROOM || oldest === undefined || oldest === number) throw error;
      for (const log of await readRing(files, dir)) if (log.number === oldest) await files.remove(`${dir}/${log.name}`);
    }
  }
}

const isFull = (error: unknown): boolean =>
  ['ENOSPC', 'EDQUOT'].includes((error as NodeJS.ErrnoException | undefined)?.code ?? '');

async function writeTemporary(
  files: Files,
  path: string,
  chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
): Promise<number> {
  let sizeBytes = 0;
  // A log may hold secrets. FAT keeps no permissions, and says so with EPERM.
  await files.write(path, '', { mode: 0o600 }).catch(async (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPERM') throw error;
    await files.write(path, '');
  });
  await using stream = await files.appendStream(path);
  for await (const chunk of chunks) {
    await stream.write(chunk);
    sizeBytes += chunk.length;
  }
  // It says so when the disk does not take it.
  await stream.close();
  return sizeBytes;
}

async function compressed(
  chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
): Promise<AsyncIterable<Uint8Array>> {
  const [{ createZstdCompress }, { pipeline, Readable }] = await Promise.all([
    import('node:zlib'),
    import('node:stream'),
  ]);
  const zstd = createZstdCompress();
  // What fails ends `zstd`, which throws it for who reads there.
  pipeline(Readable.from(chunks), zstd, () => {});
  return zstd;
}
