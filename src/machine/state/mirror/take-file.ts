import { createHash } from 'node:crypto';
import { StatectlError } from '../../../error.ts';
import type { NewFile, PlainFile, PlainTree } from '../../../host/plain-tree.ts';
import { type AskState, statePath } from '../ask-state.ts';
import type { ViewFile } from './mirror-view.ts';

/** Fills a new file with the whole content of one of the view, or throws. */
export type FetchFile = (file: ViewFile, into: NewFile, signal: AbortSignal) => Promise<void>;

/** A transfer that breaks goes on so often, if some of it came each time. */
const MOST_TRIES = 20;

/** From the server: what came counts when it has the digest that was said; one that breaks off goes on where it stopped. */
export const fetchFromServer =
  (ask: AskState, printer: string, item: string, pace: (bytes: number) => Promise<void> = async () => {}): FetchFile =>
  async ({ path, version, sizeBytes }, into, signal) => {
    const hash = createHash('sha256');
    for (let tries = 0; ; tries += 1) {
      const before = into.sizeBytes;
      try {
        const headers = { ...(before > 0 && { range: `bytes=${before}-` }) };
        const { status, body } = await ask(statePath(printer, item, 'mirror', 'files', version), { headers, signal });
        if (before > 0 && status !== 206) throw wrong(path, 'the server does not go on where it stopped');
        for await (const chunk of body) {
          if (into.sizeBytes + chunk.length > sizeBytes) throw wrong(path, 'the server sends more than it said');
          hash.update(chunk);
          await into.write(chunk);
          await pace(chunk.length);
        }
        if (into.sizeBytes === sizeBytes) break;
      } catch (error) {
        signal.throwIfAborted();
        if (into.sizeBytes === before || tries >= MOST_TRIES) throw error;
      }
      if (into.sizeBytes === before) throw wrong(path, `${before} of ${sizeBytes} bytes came`);
    }
    if (hash.digest('hex') !== version) throw wrong(path, 'what came has another SHA-256 than the server said');
  };

const wrong = (path: string, why: string): StatectlError =>
  new StatectlError('download-wrong', `${JSON.stringify(path)} is not taken: ${why}`);

/** Puts a file in its place, whole or not at all. `over`: the stamp of what it takes the place of. */
export async function takeFile(
  tree: PlainTree,
  fetch: FetchFile,
  { file, over }: { readonly file: ViewFile; readonly over?: string },
  signal: AbortSignal,
): Promise<PlainFile> {
  await using fresh = await tree.create();
  await fetch(file, fresh, signal);
  return await fresh.place(file.path, file.mtimeNs, over);
}
