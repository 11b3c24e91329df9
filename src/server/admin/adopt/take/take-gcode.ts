import { StatectlError } from '../../../../error.ts';
import { isMirrorPath, MIRROR_LIMITS, type MirrorChange, type MirrorFile } from '../../../../protocol/state/mirror.ts';
import { fetchFar } from '../far-files.ts';
import type { FarFile } from '../far-listing.ts';
import { mustBeLine, type TakenPrinter, type Taking } from './taking.ts';

/** Files that the line lacks, each whole, some at a time; what is gone at the host is gone on the line. */
export async function takeGcode({ found, context, item, standing, miss }: Taking): Promise<TakenPrinter['gcode']> {
  const { folder, listing } = found.gcodes;
  const { name: printer } = found;
  const { far, asker, onBytes } = context;
  const { mirror } = context.state;
  const line = new Map((await mirror.list(printer, item, asker)).files.map((file) => [file.path, file]));
  const isSame = ({ path, sizeBytes, mtimeNs }: FarFile): boolean => {
    const there = line.get(path);
    return there?.sizeBytes === sizeBytes && there.mtimeNs === mtimeNs;
  };
  const named = listing.files.filter(({ path }) => isMirrorPath(path));
  const wanted = named.filter((file) => !isSame(file));
  const send = async (changes: readonly MirrorChange[]): Promise<void> => {
    for (let at = 0; at < changes.length; at += MIRROR_LIMITS.changes) {
      const answer = await mirror.change(printer, item, changes.slice(at, at + MIRROR_LIMITS.changes), standing, asker);
      mustBeLine(printer, answer);
      if (answer.missing.length > 0)
        throw new StatectlError('state-damaged', `${printer}: gcode that came whole is not there any more`, {
          hint: 'look at the disk of this server, and run it again',
        });
    }
  };
  // First, so that a file can be where a folder was.
  const here = new Set(listing.files.map(({ path }) => path));
  const gone = !listing.isWhole ? [] : [...line.values()].filter(({ path }) => !here.has(path));
  await send(gone.map(({ path, sha256 }) => ({ path, file: null, was: sha256 })));
  let bytes = 0;
  let added = 0;
  const fetched = await fetchFar(far, folder, wanted, {
    async start(allBytes) {
      const take = await mirror.takeWhole(printer, item, allBytes, standing, asker);
      return ({ sizeBytes }, body) => take(sizeBytes, counted(body, onBytes));
    },
    async settle(taken) {
      await send(
        taken.map(([{ path, sizeBytes, mtimeNs }, sha256]) => ({
          ...{ path, file: { sizeBytes, mtimeNs, sha256 } satisfies Omit<MirrorFile, 'path'> },
          was: line.get(path)?.sha256 ?? null,
        })),
      );
      added += taken.length;
      bytes += taken.reduce((sum, [{ sizeBytes }]) => sum + sizeBytes, 0);
    },
  });
  for (const path of fetched.missed) miss(`${folder}/${path}`, 'it changed while it was read, or cannot be read');
  return { added, removed: gone.length, bytes };
}

async function* counted(body: AsyncIterable<Uint8Array>, onBytes: (bytes: number) => void): AsyncIterable<Uint8Array> {
  for await (const chunk of body) {
    onBytes(chunk.length);
    yield chunk;
  }
}
