import { shellQuote } from '../../../host/shell-line.ts';
import type { FarHost } from './far-host.ts';
import { type FarFile, listFar } from './far-listing.ts';
import { readTarStream } from './tar-stream.ts';

/** So many at once: a break costs these at most. */
const MOST_AT_ONCE = 200;
const MOST_BYTES_AT_ONCE = 1 << 30;
/** Headers of a member: pax with a name of 4 KiB. */
const HEADERS_BYTES = 16 << 10;
/** Of what is written to meanwhile. */
const MOST_TRIES = 3;

/** Files of a host, whole: each batch, before the next is asked for, and each file as it was before and after it was read. */
export interface FetchedFiles {
  /** Nobody could read them as they were listed: they change, or went, or their owner keeps them from us. */
  readonly missed: readonly string[];
}

type TakeFile<T> = (file: FarFile, body: AsyncIterable<Uint8Array>) => Promise<T>;

export interface FetchSink<T> {
  /** Gets ready for so many bytes, and gives what takes all of a file. */
  readonly start: (bytes: number) => Promise<TakeFile<T>>;
  /** These files were what they were before and after. */
  readonly settle: (taken: readonly (readonly [FarFile, T])[]) => Promise<void>;
}

/** Throws `adopt-cut`, `adopt-failed`, `adopt-archive`, and what the sink throws. */
export async function fetchFar<T>(
  far: FarHost,
  folder: string,
  wanted: readonly FarFile[],
  { start, settle }: FetchSink<T>,
): Promise<FetchedFiles> {
  const missed: string[] = [];
  for (const batch of batchesOf(wanted)) {
    let left = batch;
    for (let tries = 0; tries < MOST_TRIES && left.length > 0; tries += 1) {
      const take = await start(bytesOf(left));
      const taken = await fetchBatch(far, folder, left, take);
      const { files } = await listFar(
        far,
        folder,
        left.map(({ path }) => path),
      );
      const now = new Map(files.map((file) => [file.path, file]));
      const settled = taken.filter(([{ path, stamp }]) => now.get(path)?.stamp === stamp);
      await settle(settled);
      const got = new Set(settled.map(([{ path }]) => path));
      left = left.flatMap(({ path }) => (got.has(path) ? [] : (now.get(path) ?? [])));
    }
    missed.push(...left.map(({ path }) => path));
  }
  return { missed };
}

/** Takes all of a small file into memory. */
export async function wholeOf(_file: FarFile, body: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for await (const chunk of body) parts.push(chunk);
  return Buffer.concat(parts);
}

async function fetchBatch<T>(
  far: FarHost,
  folder: string,
  batch: readonly FarFile[],
  take: TakeFile<T>,
): Promise<readonly (readonly [FarFile, T])[]> {
  const waited = new Map(batch.map((file) => [file.path, file]));
  const mostBytes = bytesOf(batch) + batch.length * HEADERS_BYTES + (1 << 20);
  const taken: (readonly [FarFile, T])[] = [];
  // 1 and 2: a file changed, or cannot be read.
  const chunks = far.run(tarScript(folder, batch), { good: [0, 1, 2] });
  await readTarStream(chunks, mostBytes, async ({ name, type, sizeBytes }, body) => {
    const path = name.replace(/^\.\//, '');
    const file = waited.get(path);
    // Only what was asked for, as it was listed, and once.
    if (type !== 'file' || file?.sizeBytes !== sizeBytes) return;
    waited.delete(path);
    taken.push([file, await take(file, body)]);
  });
  return taken;
}

const bytesOf = (files: readonly FarFile[]): number => files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);

function* batchesOf(files: readonly FarFile[]): Iterable<readonly FarFile[]> {
  let batch: FarFile[] = [];
  let bytes = 0;
  for (const file of files) {
    if (batch.length > 0 && (batch.length >= MOST_AT_ONCE || bytes + file.sizeBytes > MOST_BYTES_AT_ONCE)) {
      yield batch;
      batch = [];
      bytes = 0;
    }
    batch.push(file);
    bytes += file.sizeBytes;
  }
  if (batch.length > 0) yield batch;
}

/**
 * GNU tar reads names with `\\` in them as C has them, so any name is a line of ASCII; `./` before it makes it no option. No
 * here-document: some shells write a file for one. A print that runs there goes first.
 */
const tarScript = (folder: string, files: readonly FarFile[]): string =>
  `cd ${shellQuote(folder)} || exit 9
after=; command -v nice >/dev/null && after='nice -n 19'; command -v ionice >/dev/null && after="ionice -c 3 $after"
printf '%s\\n' ${files.map(({ path }) => shellQuote(`./${lineOf(path)}`)).join(' ')} |
  $after tar --create --file - --format=posix --hard-dereference --no-recursion --blocking-factor=128 --files-from=- 2>/dev/null`;

const lineOf = (path: string): string =>
  [...Buffer.from(path)]
    .map((byte) => {
      const letter = String.fromCharCode(byte);
      return /[A-Za-z0-9._/ -]/.test(letter) ? letter : `\\${byte.toString(8).padStart(3, '0')}`;
    })
    .join('');
