import * as z from 'zod/mini';
import type { Host } from '../../../host/host.ts';
import { processStart } from '../../../host/kernel/process-start.ts';
import { cacheFolders } from '../../../machine/state/mirror/cache-folders.ts';
import { showIndex } from '../../../machine/state/mirror/cache-index.ts';
import { readSaid } from '../../../protocol/read-answer.ts';
import { CACHE_ID, type CacheAgent, type CacheIndex, CacheName, GONE } from '../../../protocol/state/cache.ts';
import { callMoonraker } from './moonraker-call.ts';

/** What was deleted of what was not here. */
interface GoneName extends CacheName {
  readonly id: string;
}

/** What the agent says to the process that shows a folder as a cache, and hears of it. */
export interface CacheSide {
  /** Paths that somebody waits for. */
  wishes(): Promise<ReadonlySet<string>>;
  /** Ends the waiting for a path: it is here, or this is why it is not. */
  answer(path: string, fault?: string): Promise<void>;
  gone(): Promise<readonly GoneName[]>;
  /** Of what was gone the note says so by now. */
  forget(gone: readonly GoneName[]): Promise<void>;
  show(index: CacheIndex): Promise<void>;
  /** Moonraker hears of no file that others brought: no file system says so by inotify. */
  announce(paths: readonly string[], signal: AbortSignal): Promise<void>;
  /** Folders that change when somebody waits, or deletes. */
  readonly wants: string;
  readonly goneFolder: string;
}

/** A scan takes Moonraker a second and more. */
const MOST_ANNOUNCED = 32;

/** `root`: where the files really are; `place`: where they are shown. Says to who waits that an agent is there. */
export async function cacheSide(
  host: Pick<Host, 'files' | 'sockets' | 'clock'>,
  { spool, root, place }: { readonly spool: string; readonly root: string; readonly place: string },
): Promise<CacheSide> {
  const { files } = host;
  const { shared } = cacheFolders(spool);
  const [wants, answers, goneFolder] = [`${shared}/want`, `${shared}/answers`, `${root}/${GONE}`];
  for (const folder of [shared, wants, answers]) await files.mkdir(folder, 0o700);
  const pid = Number(await files.readlink('/proc/self'));
  const agent: CacheAgent = { pid, started: (await processStart(files, pid)) ?? '' };
  await files.write(`${shared}/agent.json`, JSON.stringify(agent), { mode: 0o600 });
  const answered = new Set<string>();
  let shown: string | undefined;

  /** Those of a folder, by id; what goes meanwhile is none. */
  async function namesIn(folder: string): Promise<readonly GoneName[]> {
    const ids = (await files.list(folder).catch(() => [])).filter((id) => CACHE_ID.test(id));
    const read = await Promise.all(
      ids.map(async (id) => {
        const { value } = readSaid(await files.readText(`${folder}/${id}`).catch(() => ''), CacheName);
        return value ? [{ id, ...value }] : [];
      }),
    );
    return read.flat();
  }
  const waiting = async (): Promise<readonly GoneName[]> =>
    (await namesIn(wants)).filter(({ id }) => !answered.has(id));

  return {
    ...{ wants, goneFolder },
    wishes: async () => new Set((await waiting()).map(({ path }) => path)),
    async answer(path, fault) {
      for (const { id } of (await waiting()).filter((one) => one.path === path)) {
        answered.add(id);
        await files.write(`${answers}/${id}`, JSON.stringify({ fault }), { mode: 0o600 });
      }
    },
    gone: () => namesIn(goneFolder),
    async forget(gone) {
      for (const { id } of gone) await files.remove(`${goneFolder}/${id}`);
    },
    async show(index) {
      const text = JSON.stringify(index);
      if (text === shown) return;
      await showIndex(host, spool, index);
      shown = text;
    },
    async announce(paths, signal) {
      for (const filename of paths.filter((path) => /\.(?:gcode|g|gco|ufp|nc)$/i.test(path)).slice(0, MOST_ANNOUNCED))
        await callMoonraker(
          host,
          place,
          { method: 'server.files.metascan', params: { filename } },
          z.unknown(),
          signal,
        );
    },
  };
}
