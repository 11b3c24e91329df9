import { basename, dirname } from 'node:path';
import { reasonOf, StatectlError } from '../../../error.ts';
import { backOffMs } from '../../../host/back-off.ts';
import { readBody } from '../../../host/http/read-body.ts';
import { statePath } from '../../../machine/state/ask-state.ts';
import type { StateItem } from '../../../machine/state/restore.ts';
import { readVariablesFile, readVariablesRecord } from '../../../machine/state/variables-record.ts';
import { readAnswer } from '../../../protocol/read-answer.ts';
import { ShipAnswer, type Standing, standingHeaders } from '../../../protocol/state/state.ts';
import type { VariablesShipment } from '../../../protocol/variables/shipment.ts';
import { type Bell, bell } from '../../servers/bell.ts';
import type { KeeperContext } from '../keeper.ts';
import { type Found, isSame, judgeRead } from './judge-read.ts';
import { type KeptRecord, MOST_NAMES, openKept, SAME_MS } from './kept-record.ts';
import { bounded, changesFrom } from './pending.ts';

type Context = KeeperContext<StateItem<'variables'>>;

/** A macro saves several, one after the other. */
const TOGETHER_MS = 200;
/** inotify may lose one, and sees nothing of a folder that is not there. */
const LOOK_MS = 60_000;
const WATCH_AGAIN_MS = 2_000;
/** However fast somebody writes, so much of the time goes to others. */
const REST_MS = 20;
const REST_FACTOR = 2;
const BACK_OFF = { baseMs: 1_000, maxMs: 30_000 };
const LARGEST_ANSWER_BYTES = 64 << 10;

/** Keeps the file of saved variables: each change goes to the machine's own record first, and to the server within a second. */
export async function keepVariables(context: Context, signal: AbortSignal): Promise<never> {
  const { host } = context;
  const [changed, fresh] = [bell(host.clock), bell(host.clock)];
  // Where one part stumbles, none goes on alone.
  const stop = new AbortController();
  const end = () => stop.abort(signal.reason);
  signal.addEventListener('abort', end, { once: true });
  try {
    const kept = await openKept(context);
    changed.ring();
    fresh.ring();
    return await Promise.race([
      watchFile(context, changed, stop.signal),
      takeIn(context, kept, { changed, fresh }, stop.signal),
      shipAll(context, kept, fresh, stop.signal),
    ]);
  } finally {
    stop.abort(new Error('another part of it ended'));
    signal.removeEventListener('abort', end);
  }
}

/** Its folder may come later, and another may take its place. */
async function watchFile({ item, watch, host }: Context, changed: Bell, signal: AbortSignal): Promise<never> {
  const name = basename(item.path);
  for (;;) {
    try {
      for await (const one of watch(dirname(item.path), signal)) if (one === undefined || one === name) changed.ring();
    } catch {
      // It is looked at all the same.
    }
    await host.clock.sleep(WATCH_AGAIN_MS, signal);
    changed.ring();
  }
}

async function look({ host, item, account }: Context): Promise<Found> {
  try {
    const found = await readVariablesFile(host.files, item.path, account);
    return found ? { kind: 'file', ...found, text: found.bytes.toString() } : { kind: 'missing' };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return { kind: 'missing' };
    return { kind: 'bad', why: reasonOf(error) };
  }
}

/** Takes in what the file has, once it counts. */
async function takeIn(
  context: Context,
  kept: KeptRecord,
  { changed, fresh }: { readonly changed: Bell; readonly fresh: Bell },
  signal: AbortSignal,
): Promise<never> {
  const { host, item } = context;
  const { clock } = host;
  let seen: { readonly found: Found; readonly sinceMs: number } | undefined;
  for (let waitMs = LOOK_MS; ; ) {
    const woken = await changed.wait(waitMs, signal);
    const beganMs = clock.uptimeMs();
    const found = await look(context);
    if (!seen || !isSame(seen.found, found)) seen = { found, sinceMs: beganMs };
    const verdict = judgeRead(found, beganMs - seen.sinceMs, kept.known, item.path);
    const tookMs = clock.uptimeMs() - beganMs;
    waitMs = verdict.is === 'wait' ? verdict.ms : LOOK_MS;
    if (verdict.is === 'same') kept.tell({ fault: undefined });
    if (verdict.is === 'fault') kept.tell({ fault: verdict.why });
    if (verdict.is === 'new' && found.kind === 'file') {
      const { literals, unreadable } = verdict.variables;
      const before = kept.known.literals;
      await kept.change((record) => {
        const changes = changesFrom(before, literals, record.seq, clock.now());
        const seq = record.seq + Math.max(1, changes.length);
        return { ...record, text: found.text, seq, pending: bounded([...record.pending, ...changes]) };
      });
      kept.tell({ fault: undefined, note: noteOf(verdict.lost, unreadable) });
      fresh.ring();
    }
    if (woken === 'rung') await clock.sleep(REST_MS + tookMs * REST_FACTOR, signal);
  }
}

function noteOf(lost: readonly string[], unreadable: readonly string[]): string | undefined {
  const notes = [
    ...(lost.length > 0 ? [`${lost.slice(0, MOST_NAMES).join(', ')} went away, which Klipper never does`] : []),
    ...(unreadable.length > 0
      ? [`Klipper cannot read ${unreadable.slice(0, MOST_NAMES).join(', ')} at its next start`]
      : []),
  ];
  return notes.length > 0 ? notes.join('; ') : undefined;
}

/** Ships what is new, and what earlier boots left. */
async function shipAll(context: Context, kept: KeptRecord, fresh: Bell, signal: AbortSignal): Promise<never> {
  const { clock } = context.host;
  let failures = 0;
  let sinceMs: number | undefined;
  for (;;) {
    const woken = await fresh.wait(kept.isUntold ? SAME_MS : LOOK_MS, signal);
    if (woken === 'late') kept.tell({});
    await clock.sleep(TOGETHER_MS, signal);
    try {
      await shipLeft(context, kept, signal);
      await shipNew(context, kept, signal);
      failures = 0;
      sinceMs = undefined;
    } catch (error) {
      signal.throwIfAborted();
      failures += 1;
      sinceMs ??= clock.now();
      const isFinal = error instanceof StatectlError && error.code === 'state-refused';
      kept.tell({ failure: { why: reasonOf(error), sinceMs, isFinal } });
      await clock.sleep(backOffMs(clock, isFinal ? failures + 5 : failures, BACK_OFF), signal);
      fresh.ring();
    }
  }
}

async function shipNew(context: Context, kept: KeptRecord, signal: AbortSignal): Promise<void> {
  const { seq, shippedSeq, pending, text } = kept.record;
  if (seq <= shippedSeq || text === null) return kept.tell({ failure: undefined });
  const answer = await ship(context, { seq, changes: [...pending], text }, context.standing, signal);
  await kept.change(({ branch: _, ...record }) => ({
    ...record,
    ...(answer.on === 'line' ? { id: answer.id } : { branch: answer.branch }),
    shippedSeq: seq,
    pending: record.pending.filter((one) => one.seq > seq),
  }));
  const { why, lacking = [] } = answer.on === 'line' ? {} : answer;
  kept.tell({ failure: undefined, branchWhy: why, lacking, lastMs: context.host.clock.now() });
}

/** By the standing of their own boot, which the server knows. What it refuses is told, and stops nothing newer. */
async function shipLeft(context: Context, kept: KeptRecord, signal: AbortSignal): Promise<void> {
  const { host } = context;
  for (const path of await kept.left()) {
    const record = await readVariablesRecord(host.files, path);
    if (record && record.text !== null) {
      const { seq, pending, text, lease, boot, base } = record;
      const shipment = { seq, changes: [...pending], text };
      await ship(context, shipment, { lease, boot, base }, signal).catch((error: unknown) => {
        if (!(error instanceof StatectlError && error.code === 'state-refused')) throw error;
        host.console.line(
          'warning',
          `${context.printer}: what boot ${boot} left of ${context.item.name} is refused: ${error.message}`,
        );
      });
    }
    await host.files.remove(path);
  }
}

async function ship(
  { ask, printer, item }: Context,
  shipment: VariablesShipment,
  standing: Standing,
  signal: AbortSignal,
): Promise<ShipAnswer> {
  const { body } = await ask(statePath(printer, item.name, 'variables'), {
    method: 'POST',
    headers: { ...standingHeaders(standing), 'content-type': 'application/json' },
    body: JSON.stringify(shipment),
    signal,
  });
  return readAnswer('the server', await readBody(body, LARGEST_ANSWER_BYTES), ShipAnswer);
}
