import type { Files } from '../../host/host.ts';
import { recordOrNone } from '../../host/record.ts';
import { RUN } from '../paths.ts';
import type { Volume } from './drbd/command-words.ts';

/** What one boot of a machine began with of an item. */
export interface ItemSession {
  /** Id of the head that it began with; null: it began empty. */
  readonly base: string | null;
  /** Why it is not what the line has. */
  readonly why?: string;
  /** Of class `drbd`: what is mounted there. With its secret. */
  readonly volume?: Volume;
}

/** What one boot of a machine is to the server of a printer: it holds until the machine is switched off. */
export interface PrinterSession {
  readonly printer: string;
  /** /proc/sys/kernel/random/boot_id */
  readonly boot: string;
  /** 0: no server gave any, and what is shipped is a branch. */
  readonly lease: number;
  /** The one that gave it. */
  readonly server?: string;
  /** Why there is none. */
  readonly why?: string;
  readonly items: Readonly<Partial<Record<string, ItemSession>>>;
}

/** Folder of a printer: its session, and what is spooled of each item. */
const folderOf = (printer: string): string => `${RUN}/state/${printer}`;

export const spoolPath = (printer: string, item: string): string => `${folderOf(printer)}/${item}`;

/** No item has a dot in its name. */
export const sessionPath = (printer: string): string => `${folderOf(printer)}/session.json`;

/** What the boot left; undefined: it knew no such printer. */
export const readSession = async (
  files: Pick<Files, 'readText'>,
  printer: string,
): Promise<PrinterSession | undefined> =>
  recordOrNone<PrinterSession>(await files.readText(sessionPath(printer)).catch(() => undefined), {
    printer: 'text',
    boot: 'text',
    lease: 'number',
    items: 'mapping',
  });
