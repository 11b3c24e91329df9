import { reasonOf } from '../../error.ts';
import type { Host } from '../../host/host.ts';
import { recordOrNone } from '../../host/record.ts';
import type { Report } from '../../protocol/report.ts';

/** What this machine has to tell, in files: an agent that is killed, or a server that is away, loses none of it. */
export interface ReportQueue {
  /** Keeps a report; where there is no room, the oldest go and are counted. */
  put(report: QueuedReport): Promise<void>;
  /**
   * Sends all in order, the oldest first, and forgets each when the server has it. Stops at the first one that cannot be
   * sent now; one that the server will never take is dropped.
   */
  send(post: (report: QueuedReport) => Promise<'taken' | 'refused' | 'later'>): Promise<void>;
  status(): Promise<QueueStatus>;
}

/** A report with an id: the server takes each once. A file that a disk which lies left behind is none. */
export type QueuedReport = Report & { readonly id: string };

export interface QueueStatus {
  readonly length: number;
  readonly bytes: number;
  /** Of this queue, since it was made: for want of room, or refused by the server. */
  readonly dropped: number;
}

export interface QueueLimits {
  readonly reports: number;
  readonly bytes: number;
}

/** Of a queue where nothing else is said. */
export const QUEUE_LIMITS: QueueLimits = { reports: 200, bytes: 1 << 20 };

/** Their order is that of their numbers. */
const NAME = /^(\d{12})\.json$/;
const DROPPED = 'dropped';

/** The queue in a folder, which is made on first need. One agent at a time uses it. */
export function reportQueue({ files }: Pick<Host, 'files'>, folder: string, limits = QUEUE_LIMITS): ReportQueue {
  let last: number | undefined;

  const entries = async () => {
    const names = (await files.list(folder).catch(() => [])).filter((name) => NAME.test(name));
    return Promise.all(
      names.map(async (name) => ({ name, bytes: (await files.stat(`${folder}/${name}`))?.sizeBytes ?? 0 })),
    );
  };
  const droppedCount = async (): Promise<number> => {
    const text = await files.readText(`${folder}/${DROPPED}`).catch(() => '0');
    return /^\d{1,12}$/.test(text.trim()) ? Number(text) : 0;
  };
  const drop = async (names: readonly string[]): Promise<void> => {
    if (names.length === 0) return;
    // Counted first: rather one too many after a power cut than one that nobody ever knew of.
    await files.write(`${folder}/${DROPPED}`, `${(await droppedCount()) + names.length}\n`, { mode: 0o600 });
    for (const name of names) await files.remove(`${folder}/${name}`);
  };

  return {
    async put(report) {
      const text = JSON.stringify(report);
      await files.mkdir(folder, 0o700);
      const kept = [...(await entries())];
      last ??= Number(NAME.exec(kept.at(-1)?.name ?? '')?.[1] ?? 0);
      last += 1;
      let bytes = kept.reduce((sum, entry) => sum + entry.bytes, Buffer.byteLength(text));
      const tooMany: string[] = [];
      for (const entry of kept)
        if (kept.length - tooMany.length >= limits.reports || bytes > limits.bytes) {
          tooMany.push(entry.name);
          bytes -= entry.bytes;
        }
      await drop(tooMany);
      await files.write(`${folder}/${String(last).padStart(12, '0')}.json`, text, { mode: 0o600 });
    },
    async send(post) {
      for (const { name } of await entries()) {
        const path = `${folder}/${name}`;
        // One that had to make room meanwhile is counted already.
        if ((await files.stat(path)) === undefined) continue;
        const report = recordOrNone<QueuedReport>(await files.readText(path).catch(reasonOf), { id: 'text' });
        const outcome = report === undefined ? 'refused' : await post(report);
        if (outcome === 'later') break;
        if (outcome === 'taken') await files.remove(path);
        else await drop([name]);
      }
    },
    async status() {
      const kept = await entries();
      return {
        length: kept.length,
        bytes: kept.reduce((sum, entry) => sum + entry.bytes, 0),
        dropped: await droppedCount(),
      };
    },
  };
}
