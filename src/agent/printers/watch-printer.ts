import { reasonOf, StatectlError } from '../../error.ts';
import { backOffMs } from '../../host/back-off.ts';
import type { Host } from '../../host/host.ts';
import { converse } from './converse.ts';
import { KLIPPER, MOONRAKER } from './dialect.ts';
import { printerRecord, type RecordOptions } from './printer-record.ts';

export interface WatchedPrinter {
  readonly data: string;
  /** Of Klipper's API, where it is not where everybody has it. */
  readonly socket?: string | undefined;
}

const WAITS = { baseMs: 2_000, maxMs: 10_000 };
/** Whatever the other side does: so long between two connections. */
const LEAST_MS = 500;

/** Watches one printer: by Klipper, or by Moonraker where Klipper cannot be asked. Whatever they do, it goes on. */
export async function watchPrinter(
  host: Pick<Host, 'files' | 'sockets' | 'clock'>,
  { data, socket = `${data}/comms/klippy.sock` }: WatchedPrinter,
  options: Omit<RecordOptions, 'data'>,
  signal: AbortSignal,
): Promise<never> {
  const record = await printerRecord(host, { data, ...options }, signal);
  const places = [
    { dialect: KLIPPER, path: socket },
    { dialect: MOONRAKER, path: `${data}/comms/moonraker.sock` },
  ];
  for (let failures = 1; ; failures += 1) {
    const whys: string[] = [];
    for (const { dialect, path } of places)
      try {
        await ownSocket(host, path, data);
        const hear: Parameters<typeof converse>[1]['hear'] = (heard) => {
          if (heard.kind === 'status') failures = 0;
          return record.hear(dialect.name, heard);
        };
        await converse(host, { path, dialect, hear }, signal);
      } catch (error) {
        signal.throwIfAborted();
        whys.push(reasonOf(error));
      }
    await record.lost(whys[0] ?? '');
    await host.clock.sleep(LEAST_MS + backOffMs(host.clock, failures, WAITS), signal);
  }
}

/** Not what somebody put in its place: root connects to a socket of whom the printer is. */
async function ownSocket({ files }: Pick<Host, 'files'>, path: string, data: string): Promise<void> {
  const away = (why: string) => new StatectlError('printer-away', why);
  const stat = await files.stat(path).catch(() => undefined);
  if (!stat) throw away(`nothing is at ${path}`);
  if (stat.type !== 'socket') throw away(`${path} is no socket`);
  const owner = (await files.stat(`${data}/.`))?.uid;
  if (stat.uid !== owner) throw away(`${path} is of another user than ${data}`);
}
