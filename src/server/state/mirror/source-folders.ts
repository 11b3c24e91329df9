import { join } from 'node:path';
import { reasonOf } from '../../../error.ts';
import { digestOf } from '../../../host/digest-of.ts';
import type { OpenPlainFile } from '../../../host/plain-tree.ts';
import { recordOrNone } from '../../../host/record.ts';
import { isMirrorPath, type MirrorFile } from '../../../protocol/state/mirror.ts';
import type { StateStore } from '../kind.ts';

/** A file of a folder whose content was read. */
interface KnownFile extends MirrorFile {
  readonly stamp: string;
}

interface Known {
  readonly files: readonly KnownFile[];
}

/** A folder is looked at no more often than this. */
const LOOK_EACH_MS = 5_000;
/** Who asks waits so long for what is new: large files are read meanwhile, and are told next time. */
const WAIT_MS = 2_000;
/** What changed a moment ago is still being written; of a time to come a clock is wrong, or somebody set it. */
const STILL_MS = 2_000;

/** Folders that other tools fill: `STATE/folders/NAME`. What they have is shown, nothing in them is changed. */
export interface SourceFolders {
  /** What it has whole. One that is away has what it had: nobody deleted that. */
  list(name: string): Promise<readonly MirrorFile[]>;
  /** A content of it, as it was when it was listed. */
  open(name: string, sha256: string): Promise<OpenPlainFile | undefined>;
}

export function sourceFolders(store: StateStore): SourceFolders {
  const { files, clock } = store.host;
  const known = new Map<string, Known>();
  const looking = new Map<string, { readonly done: Promise<void>; readonly untilMs: number }>();
  const troubles = new Map<string, string | undefined>();
  const pathOf = (name: string): string => join(store.root, 'folders', name);
  const recordPath = (name: string): string => join(store.root, 'folders', `.${name}.json`);

  const remembered = async (name: string): Promise<Known> =>
    known.get(name) ??
    recordOrNone<Known>(await files.readText(recordPath(name)).catch(() => undefined), { files: 'list' }) ?? {
      files: [],
    };

  /** Once, however often it is so. */
  function tell(name: string, trouble: string | undefined): void {
    if (trouble !== undefined && troubles.get(name) !== trouble) store.alarm(trouble);
    troubles.set(name, trouble);
  }

  const whyNotLookedAt = (name: string, error: unknown): string =>
    (error as NodeJS.ErrnoException).code === 'ENOENT'
      ? `there is no ${pathOf(name)}, which config.d names as folder:${name}: make it, or mount or bind there what other tools write to; what was in it counts as it was`
      : `${pathOf(name)} cannot be looked at, and counts as it was: ${reasonOf(error)}`;

  async function look(name: string): Promise<void> {
    const before = new Map((await remembered(name)).files.map((file) => [file.stamp, file]));
    const found: KnownFile[] = [];
    {
      await using tree = await files.openTree(pathOf(name));
      const scan = await tree.scan();
      for (const file of scan.files) {
        if (!isMirrorPath(file.path)) continue;
        const had = before.get(file.stamp);
        const { sizeBytes, mtimeNs, stamp, path } = file;
        if (had?.path === path) found.push(had);
        else if (Math.abs(clock.now() - Number(BigInt(mtimeNs) / 1_000_000n)) >= STILL_MS) {
          const sha256 = await digestOf(tree.read(file)).catch(() => undefined);
          if (sha256 !== undefined) found.push({ path, sizeBytes, mtimeNs, sha256, stamp });
        }
      }
      tell(name, scan.isCut ? `${pathOf(name)} has more files than are looked at` : undefined);
    }
    known.set(name, { files: found });
    await files.mkdir(join(store.root, 'folders'), 0o755);
    await files.write(recordPath(name), `${JSON.stringify({ files: found })}\n`, { mode: 0o600 });
  }

  return {
    async list(name) {
      const nowMs = clock.uptimeMs();
      let turn = looking.get(name);
      if (!turn || turn.untilMs <= nowMs) {
        const done = look(name).catch((error: unknown) => tell(name, whyNotLookedAt(name, error)));
        turn = { done, untilMs: Number.POSITIVE_INFINITY };
        looking.set(name, turn);
        void done.then(() => looking.set(name, { done, untilMs: clock.uptimeMs() + LOOK_EACH_MS }));
      }
      const enough = new AbortController();
      await Promise.race([turn.done, clock.sleep(WAIT_MS, enough.signal).catch(() => undefined)]);
      enough.abort();
      return (await remembered(name)).files.map(({ stamp: _, ...file }) => file);
    },
    async open(name, sha256) {
      for (const found of (await remembered(name)).files) {
        if (found.sha256 !== sha256) continue;
        try {
          await using tree = await files.openTree(pathOf(name));
          return await tree.open(found);
        } catch {
          // It changed, or went.
        }
      }
      return undefined;
    },
  };
}
