import type { ServerResponse } from 'node:http';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { finished } from 'node:stream';
import type { Clock } from '../../host/host.ts';
import type { ServerStatus } from '../../protocol/server-status.ts';

/** What `GET /v1/status` says: what machines choose by, and figures for people. */
export interface MeasuredStatus extends ServerStatus {
  /** Blobs that are being sent. */
  readonly transfers: number;
  /** Of blobs, in the last ten seconds or so. */
  readonly bytesPerSecond: number;
}

/** A file's stream, which counts what was read of it. */
interface Counted {
  readonly bytesRead: number;
}

export interface LoadMeter {
  status(): MeasuredStatus;
  /** Counts the stream as a transfer until the answer that it is for has ended, received or not. */
  count(stream: Counted, answer: ServerResponse): void;
  /** Ends the measurement. */
  stop(): void;
}

export interface LoadOptions {
  readonly clock: Pick<Clock, 'uptimeMs'>;
  /** The mark: with so many blobs under way, no new boot is begun. */
  readonly maxTransfers: number;
  /** How late the event loop lately was, default measured. */
  readonly delayMs?: () => number;
}

export const DEFAULT_MAX_TRANSFERS = 64;

/** An event loop that is so late on average makes every machine wait: load 1. It alone refuses nobody. */
const OVERLOADED_DELAY_MS = 250;
const RATE_WINDOW_MS = 10_000;
const LEAST_WINDOW_MS = 500;
const SAMPLE_EVERY_MS = 5_000;
const RESOLUTION_MS = 20;

const between = (least: number, value: number, most: number): number => Math.min(most, Math.max(least, value));

/** Measures how busy this server is: blobs under way against the mark, and how late its event loop is. */
export function loadMeter({ clock, maxTransfers, delayMs }: LoadOptions): LoadMeter {
  const open = new Set<Counted>();
  const loop = eventLoop();
  let endedBytes = 0;
  let samples = [{ atMs: clock.uptimeMs(), bytes: 0 }];

  function bytesPerSecond(): number {
    const nowMs = clock.uptimeMs();
    const bytes = [...open].reduce((sum, { bytesRead }) => sum + bytesRead, endedBytes);
    // The youngest of those that are too old stays, so that the window is never shorter than it is called.
    samples = samples.slice(
      Math.max(
        0,
        samples.findLastIndex(({ atMs }) => nowMs - atMs >= RATE_WINDOW_MS),
      ),
    );
    const { atMs, bytes: bytesThen } = samples[0] ?? { atMs: nowMs, bytes };
    if (nowMs - (samples.at(-1)?.atMs ?? 0) >= LEAST_WINDOW_MS) samples.push({ atMs: nowMs, bytes });
    return nowMs - atMs < LEAST_WINDOW_MS ? 0 : Math.round(((bytes - bytesThen) / (nowMs - atMs)) * 1000);
  }

  const sampling = setInterval(() => {
    loop.turn();
    bytesPerSecond();
  }, SAMPLE_EVERY_MS).unref();

  return {
    status() {
      const load = Math.max(open.size / maxTransfers, (delayMs ?? loop.delayMs)() / OVERLOADED_DELAY_MS);
      return {
        accepting: open.size < maxTransfers,
        load: Math.round(between(0, load, 1) * 1000) / 1000,
        transfers: open.size,
        bytesPerSecond: bytesPerSecond(),
      };
    },
    count(stream, answer) {
      open.add(stream);
      finished(answer, () => {
        if (open.delete(stream)) endedBytes += stream.bytesRead;
      });
    },
    stop() {
      clearInterval(sampling);
      loop.stop();
    },
  };
}

/** How late the event loop was on average since the turn before the last one. */
function eventLoop() {
  const histogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  histogram.enable();
  let beforeMs = 0;
  // It holds the time between two ticks, and NaN before the first.
  const sinceTurnMs = () => (histogram.count === 0 ? 0 : Math.max(0, histogram.mean / 1e6 - RESOLUTION_MS));
  return {
    delayMs: (): number => Math.max(beforeMs, sinceTurnMs()),
    turn(): void {
      beforeMs = sinceTurnMs();
      histogram.reset();
    },
    stop: (): void => void histogram.disable(),
  };
}
