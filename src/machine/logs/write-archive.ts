import { reasonOf } from '../../error.ts';
import type { Clock } from '../../host/host.ts';
import { BLOCK_BYTES, hasTarName, tarHeader, tarPadding } from '../../signed/plain-tar.ts';
import { endOf } from './end-of-text.ts';
import type { FoundLog } from './find-logs.ts';
import type { LeftFile, TakenFile } from './plan-archive.ts';

export interface ArchivePlan {
  /** Of ours, by name, before the files. */
  readonly texts: ReadonlyMap<string, string>;
  readonly taken: readonly TakenFile<FoundLog>[];
  readonly left: readonly LeftFile[];
  /** Uptime; what is not read by then is left out. */
  readonly deadlineMs: number;
}

/** Says what is not in it, or not whole. */
const LEFT_OUT = 'left-out.txt';
const MOST_LEFT_BYTES = 32 << 10;
const MODE = 0o600;
/** A file that changes is looked at again so often. */
const TRIES = 3;

/** A tar: texts of ours, then files as they are now, then what is left out of them. A file that cannot be read costs itself alone. */
export async function* archiveChunks(
  clock: Pick<Clock, 'now' | 'uptimeMs'>,
  { texts, taken, left: leftBefore, deadlineMs }: ArchivePlan,
): AsyncGenerator<Uint8Array> {
  const left = [...leftBefore];
  for (const [name, text] of texts) yield* textChunks(name, text, clock.now());
  for (const one of taken) {
    const { path } = one.file;
    if (!hasTarName(path)) left.push({ path, why: 'its name is too long' });
    else if (clock.uptimeMs() >= deadlineMs) left.push({ path, why: 'there was no time for it' });
    else {
      const why = yield* fileChunks(one);
      if (why !== undefined) left.push({ path, why });
    }
  }
  if (left.length > 0)
    yield* textChunks(
      LEFT_OUT,
      endOf(left.map(({ path, why }) => `${path}: ${why}\n`).join(''), MOST_LEFT_BYTES),
      clock.now(),
    );
  yield Buffer.alloc(2 * BLOCK_BYTES);
}

function* textChunks(name: string, text: string, mtimeMs: number): Generator<Uint8Array> {
  const bytes = Buffer.from(text);
  yield tarHeader(name, bytes.length, { mode: MODE, mtimeMs });
  yield bytes;
  yield Buffer.alloc(tarPadding(bytes.length));
}

/** Gives what of it is left out. A log that is written to meanwhile grows past its end here; of one that was cut, blanks take the place. */
async function* fileChunks({ file: { path, tree, file }, from, sizeBytes }: TakenFile<FoundLog>) {
  let opened: Awaited<ReturnType<typeof tree.open>> | undefined;
  let why = 'it is gone';
  for (let tries = 0; !opened && tries < TRIES; tries += 1)
    try {
      const now = await tree.look(file.path);
      if (!now) return why;
      opened = await tree.open(now);
    } catch (error) {
      why = reasonOf(error);
    }
  if (!opened) return why;
  await using open = opened;
  yield tarHeader(path, sizeBytes, { mode: MODE, mtimeMs: Number(BigInt(file.mtimeNs) / 1_000_000n) });
  let missing = sizeBytes;
  let fault: string | undefined;
  try {
    if (sizeBytes > 0)
      for await (const chunk of open.stream(from, from + sizeBytes - 1)) {
        missing -= (chunk as Uint8Array).length;
        yield chunk as Uint8Array;
      }
  } catch (error) {
    fault = reasonOf(error);
  }
  for (let gap = missing + tarPadding(sizeBytes); gap > 0; gap -= GAP.length)
    yield gap < GAP.length ? GAP.subarray(0, gap) : GAP;
  if (missing > 0) return `its last ${missing} bytes are not there: ${fault ?? 'it was cut meanwhile'}`;
  return from > 0 ? `its first ${from} bytes` : undefined;
}

const GAP = Buffer.alloc(256 * 1024);
