import { StatectlError } from '../../error.ts';
import type { Host, SocketChannel } from '../../host/host.ts';
import { type Dialect, type Heard, type Request, readMessage } from './dialect.ts';
import { frameOf, frameReader } from './frames.ts';

/** Neither tells anything while nothing changes: so often it is asked whether it is there. */
const BEAT_MS = 30_000;
/** Klipper may stand still for seconds, and then goes on. */
const SILENCE_MS = 100_000;
const CONNECT_MS = 10_000;
/** Klipper says changes four times a second; who says so much more that this agent would be busy with it waits. */
const MOST_BYTES_A_SECOND = 128 * 1024;

export interface Conversation {
  readonly path: string;
  readonly dialect: Dialect;
  /** In the order in which it was said; the next is read when it is done. What it gives is asked. */
  readonly hear: (heard: Heard) => Promise<Request | undefined>;
}

/**
 * Asks a printer's program for its state and hears what changes, until it goes, says what cannot be, or is silent for too long:
 * then it rejects. Rejects with the signal's reason, too.
 */
export async function converse(
  { sockets, clock }: Pick<Host, 'sockets' | 'clock'>,
  { path, dialect, hear }: Conversation,
  signal: AbortSignal,
): Promise<never> {
  const end = new AbortController();
  const stop = () => end.abort(signal.reason);
  signal.addEventListener('abort', stop, { once: true });
  let heardMs = clock.uptimeMs();
  const silence = async (channel: SocketChannel): Promise<never> => {
    for (;;) {
      await clock.sleep(BEAT_MS, end.signal);
      if (clock.uptimeMs() - heardMs > SILENCE_MS)
        throw new StatectlError('printer-silent', `${dialect.name} says nothing for ${SILENCE_MS / 1000} s`);
      await channel.send(frameOf(dialect.request('beat')));
    }
  };
  const listen = async (channel: SocketChannel): Promise<never> => {
    for (const request of ['info', 'subscribe'] as const) await channel.send(frameOf(dialect.request(request)));
    const read = frameReader();
    let second = { startMs: clock.uptimeMs(), bytes: 0 };
    for await (const piece of channel.received) {
      heardMs = clock.uptimeMs();
      for (const message of read(piece)) {
        const heard = readMessage(message);
        if (heard === undefined) continue;
        const next = heard === 'again' ? 'subscribe' : await hear(heard);
        if (next) await channel.send(frameOf(dialect.request(next)));
      }
      if (heardMs - second.startMs >= 1000) second = { startMs: heardMs, bytes: 0 };
      second.bytes += piece.length;
      if (second.bytes > MOST_BYTES_A_SECOND) await clock.sleep(1000, end.signal);
    }
    throw new StatectlError('printer-gone', `${dialect.name} ended the connection`);
  };
  try {
    await using channel = await connected(sockets.connect(path, end.signal), clock, end);
    return await Promise.race([listen(channel), silence(channel)]);
  } finally {
    signal.removeEventListener('abort', stop);
    end.abort(new StatectlError('printer-gone', 'the conversation is over'));
  }
}

async function connected(
  connecting: Promise<SocketChannel>,
  clock: Pick<Host['clock'], 'sleep'>,
  end: AbortController,
): Promise<SocketChannel> {
  const done = new AbortController();
  void clock.sleep(CONNECT_MS, done.signal).then(
    () => end.abort(new StatectlError('printer-silent', `nobody takes the connection for ${CONNECT_MS / 1000} s`)),
    () => undefined,
  );
  try {
    return await connecting;
  } catch (error) {
    throw end.signal.aborted ? end.signal.reason : error;
  } finally {
    done.abort();
  }
}
