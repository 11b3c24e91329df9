import { StatectlError } from '../../error.ts';

/** What ends each message of Klipper's API, and of Moonraker's socket. */
const END = 0x03;
/** The longest that either has to say to who asks for so little. */
const MOST_BYTES = 256 * 1024;

/** A message as it goes over the wire. */
export const frameOf = (message: object): Uint8Array => Buffer.from(`${JSON.stringify(message)}\x03`);

/** Cuts a stream of pieces into messages. Throws `printer-talk` for one that does not end. */
export function frameReader(mostBytes = MOST_BYTES): (piece: Uint8Array) => readonly string[] {
  let rest: Buffer[] = [];
  let restBytes = 0;
  return (piece) => {
    const messages: string[] = [];
    let from = 0;
    for (let end = piece.indexOf(END); end >= 0; end = piece.indexOf(END, from)) {
      messages.push(Buffer.concat([...rest, piece.subarray(from, end)]).toString());
      rest = [];
      restBytes = 0;
      from = end + 1;
    }
    if (from < piece.length) {
      rest.push(Buffer.from(piece.subarray(from)));
      restBytes += piece.length - from;
    }
    if (restBytes > mostBytes) throw new StatectlError('printer-talk', `a message of more than ${mostBytes} bytes`);
    return messages;
  };
}
