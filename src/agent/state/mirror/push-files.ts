import { reasonOf, StatectlError } from '../../../error.ts';
import { readBody } from '../../../host/http/read-body.ts';
import type { PlainFile, PlainTree } from '../../../host/plain-tree.ts';
import { statePath } from '../../../machine/state/ask-state.ts';
import type { Push } from '../../../machine/state/mirror/plan-mirror.ts';
import type { StateItem } from '../../../machine/state/restore.ts';
import { readAnswer } from '../../../protocol/read-answer.ts';
import { MIRROR_LIMITS, MirrorAnswer, PIECE_TYPE, PieceAnswer } from '../../../protocol/state/mirror.ts';
import { standingHeaders } from '../../../protocol/state/state.ts';
import type { KeeperContext } from '../keeper.ts';

type Context = Pick<KeeperContext<StateItem<'mirror'>>, 'ask' | 'printer' | 'item' | 'standing'>;

/** Slows down what is done with a file while a print runs. */
export type Pace = (bytes: number) => Promise<void>;

const LARGEST_ANSWER_BYTES = 1 << 20;
/** Names are long at times: so many changes are surely no longer than an answer may be. */
const TOGETHER = 64;

/** What became of changes. */
export interface Pushed {
  /** Names whose changes a server has now. */
  readonly done: ReadonlySet<string>;
  /** Where: the line, or a branch. */
  readonly answer?: MirrorAnswer;
  /** By name, of those that it could not have. */
  readonly faults: ReadonlyMap<string, string>;
}

/**
 * Tells the server what changed, with the contents that it lacks: what it has already, as after a move, is not sent. A file that
 * changes meanwhile, or has no room there, keeps no other back. Throws where no server can be asked.
 */
export async function pushFiles(
  context: Context,
  tree: PlainTree,
  pushes: readonly Push[],
  pace: Pace,
  signal: AbortSignal,
): Promise<Pushed> {
  const done = new Set<string>();
  const faults = new Map<string, string>();
  let answer: MirrorAnswer | undefined;
  async function push(batch: readonly Push[]): Promise<void> {
    try {
      const lacking = await say(batch);
      for (const { change, file } of lacking)
        await upload(context, tree, file, change.file?.sha256 ?? '', pace, signal).catch((error: unknown) => {
          signal.throwIfAborted();
          if (!isOfFile(error)) throw error;
          faults.set(change.path, reasonOf(error));
        });
      await say(lacking.filter(({ change }) => !faults.has(change.path)));
    } catch (error) {
      signal.throwIfAborted();
      if (!isOfFile(error)) throw error;
      // One of them is what the server refuses: the others are none the worse for it.
      const [first] = batch;
      if (batch.length === 1 && first) return void faults.set(first.change.path, reasonOf(error));
      const half = batch.length >> 1;
      await push(batch.slice(0, half));
      await push(batch.slice(half));
    }
  }
  /** Gives those whose content is to come first. */
  async function say(batch: readonly Push[]): Promise<readonly Required<Push>[]> {
    if (batch.length === 0) return [];
    answer = await tell(context, batch, signal);
    const missing = new Set(answer.missing);
    const isMissing = (one: Push): one is Required<Push> =>
      one.file !== undefined && missing.has(one.change.file?.sha256 ?? '');
    for (const one of batch) if (!isMissing(one)) done.add(one.change.path);
    return batch.filter(isMissing);
  }
  for (let at = 0; at < pushes.length; at += TOGETHER) await push(pushes.slice(at, at + TOGETHER));
  return { done, faults, ...(answer && { answer }) };
}

/** Another file, or a moment later, may go: the connection is well. */
const OF_FILE = ['state-refused', 'ESTALE', 'ENOENT', 'state-full'];
const isOfFile = (error: unknown): boolean => OF_FILE.includes(String((error as { readonly code?: unknown }).code));

async function tell(
  { ask, printer, item, standing }: Context,
  pushes: readonly Push[],
  signal: AbortSignal,
): Promise<MirrorAnswer> {
  const { body } = await ask(statePath(printer, item.name, 'mirror', 'changes'), {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...standingHeaders(standing) },
    body: JSON.stringify({ changes: pushes.map(({ change }) => change) }),
    signal,
  });
  return readAnswer('the server', await readBody(body, LARGEST_ANSWER_BYTES), MirrorAnswer);
}

/** Piece by piece, from where the server is: one that was begun before is gone on with. */
async function upload(
  { ask, printer, item, standing }: Context,
  tree: PlainTree,
  file: PlainFile,
  sha256: string,
  pace: Pace,
  signal: AbortSignal,
): Promise<void> {
  let stalls = 0;
  for (let at = 0; ; ) {
    const piece: Uint8Array[] = [];
    for await (const chunk of tree.read(file, at, at + MIRROR_LIMITS.pieceBytes)) piece.push(chunk);
    const body = Buffer.concat(piece);
    await pace(body.length);
    const path = `${statePath(printer, item.name, 'mirror', 'files', sha256)}?at=${at}&size=${file.sizeBytes}`;
    const response = await ask(path, {
      method: 'POST',
      headers: { 'content-type': PIECE_TYPE, ...standingHeaders(standing) },
      body,
      signal,
    });
    const answer = readAnswer('the server', await readBody(response.body, LARGEST_ANSWER_BYTES), PieceAnswer);
    if (answer.isWhole) return;
    // It goes on where it was, which may be behind: somebody made room there.
    stalls = answer.haveBytes > at ? 0 : stalls + 1;
    if (stalls > 3) throw new StatectlError('state-failed', `the server takes nothing of ${JSON.stringify(file.path)}`);
    at = answer.haveBytes;
  }
}
