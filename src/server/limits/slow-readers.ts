import type { Socket } from 'node:net';
import type { Clock, Host } from '../../host/host.ts';
import { queuedBytes } from './socket-queues.ts';

/** The least that a client takes of an answer: 1 kB/s, of which it may be so much behind. */
const LEAST_BYTES_PER_SECOND = 1_000;
const PATIENCE_MS = 30_000;
export const LOOK_EVERY_MS = 5_000;

/** Watches that whoever asked for something takes it. */
export interface SlowReaders {
  watch(socket: Socket): void;
  /** What the client took a second lately, of what was there for it; undefined: not known yet, or nothing waits for it. */
  bytesPerSecond(socket: Socket): number | undefined;
  /** Measures all, and cuts those who take too little; called every few seconds. */
  look(): Promise<void>;
}

interface Pace {
  takenBytes: number;
  atMs: number;
  patienceMs: number;
  bytesPerSecond?: number;
}

/**
 * Cuts clients that take less than 1 kB/s over half a minute of what waits for them: each kilobyte gives one of them a second
 * back. Measured is what has arrived there, not what the kernel holds for it. One that takes all that there is has all its time.
 */
export function slowReaders(host: Pick<Host, 'files'> & { readonly clock: Pick<Clock, 'uptimeMs'> }): SlowReaders {
  const sockets = new Set<Socket>();
  const paces = new Map<Socket, Pace>();

  return {
    watch(socket) {
      sockets.add(socket);
      socket.once('close', () => {
        sockets.delete(socket);
        paces.delete(socket);
      });
    },
    bytesPerSecond: (socket) => paces.get(socket)?.bytesPerSecond,
    async look() {
      const waiting = new Set([...sockets].filter((socket) => socket.writableLength > 0));
      for (const socket of paces.keys()) if (!waiting.has(socket)) paces.delete(socket);
      if (waiting.size === 0) return;
      const queued = await queuedBytes(host);
      const atMs = host.clock.uptimeMs();
      for (const socket of waiting) {
        const takenBytes = socket.bytesWritten - socket.writableLength - queued(socket);
        const pace = paceAfter(paces.get(socket), takenBytes, atMs);
        if (pace.patienceMs > 0) paces.set(socket, pace);
        else socket.destroy();
      }
    },
  };
}

/** Pure. */
function paceAfter(before: Pace | undefined, takenBytes: number, atMs: number): Pace {
  if (!before) return { takenBytes, atMs, patienceMs: PATIENCE_MS };
  const tookBytes = Math.max(0, takenBytes - before.takenBytes);
  const passedMs = atMs - before.atMs;
  const earnedMs = (tookBytes / LEAST_BYTES_PER_SECOND) * 1000;
  const patienceMs = Math.min(PATIENCE_MS, before.patienceMs + earnedMs - passedMs);
  const bytesPerSecond = passedMs > 0 ? (tookBytes / passedMs) * 1000 : before.bytesPerSecond;
  return { takenBytes, atMs, patienceMs, ...(bytesPerSecond !== undefined && { bytesPerSecond }) };
}
