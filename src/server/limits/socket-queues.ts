import { isIPv4 } from 'node:net';
import type { Host } from '../../host/host.ts';
import { groupsOf } from './sender.ts';

/** Where both ends of a connection are, as node:net says it. */
export interface Ends {
  readonly localPort?: number | undefined;
  readonly remoteAddress?: string | undefined;
  readonly remotePort?: number | undefined;
}

/** Linux keeps one table for each family; a socket for both is in the second. */
const TABLES = ['/proc/net/tcp', '/proc/net/tcp6'];
/** `sl: LOCAL:PORT REMOTE:PORT STATE SENDING:RECEIVED …`, all hex (proc(5), /proc/net/tcp). */
const ROW = /^\s*\d+: [0-9A-F]+:([0-9A-F]{4}) ([0-9A-F]+:[0-9A-F]{4}) [0-9A-F]{2} ([0-9A-F]{8}):/;

/**
 * Bytes that the kernel holds for the other end of each connection: megabytes of them look like sent to a program, and a client
 * that reads nothing would for as long look like one that reads. Empty where the kernel does not tell.
 */
export async function queuedBytes({ files }: Pick<Host, 'files'>): Promise<(ends: Ends) => number> {
  const queued = new Map<string, number>();
  for (const table of TABLES)
    for (const row of (await files.readText(table).catch(() => '')).split('\n')) {
      const [, local, remote, sending] = ROW.exec(row) ?? [];
      if (sending !== undefined) queued.set(`${local} ${remote}`, Number.parseInt(sending, 16));
    }
  return ({ localPort = 0, remoteAddress = '', remotePort = 0 }) =>
    queued.get(`${hex(localPort, 4)} ${tableAddress(remoteAddress)}:${hex(remotePort, 4)}`) ?? 0;
}

const hex = (value: number, digits: number): string => value.toString(16).toUpperCase().padStart(digits, '0');

/** Words of 32 bits in the order of the machine, which is little-endian wherever statectl runs. */
function tableAddress(remote: string): string {
  const [address = ''] = remote.split('%');
  const [, mapped] = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address) ?? [];
  const prefix = mapped === undefined ? '' : '0000000000000000FFFF0000';
  if (isIPv4(mapped ?? address))
    return (
      prefix +
      (mapped ?? address)
        .split('.')
        .toReversed()
        .map((byte) => hex(Number(byte), 2))
        .join('')
    );
  const digits = groupsOf(address)
    .map((group) => group.toUpperCase().padStart(4, '0'))
    .join('');
  return (digits.match(/.{8}/g) ?? []).map((word) => (word.match(/../g) ?? []).toReversed().join('')).join('');
}
