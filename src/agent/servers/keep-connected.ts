import { isStatectlError, reasonOf } from '../../error.ts';
import { backOffMs } from '../../host/back-off.ts';
import type { Clock } from '../../host/host.ts';
import type { Bell } from './bell.ts';
import type { ServerEvent } from './event-stream.ts';
import { leaving, type Replacement } from './leave-server.ts';
import type { ServerChoice, ServerSettings } from './server-choice.ts';
import type { Session } from './server-session.ts';

/** Where the machine's stream of events is. */
export interface Connection {
  readonly state: 'connected' | 'away';
  /** The one that it is at, or was at. */
  readonly server?: string;
  /** Unix ms. */
  readonly sinceMs: number;
  readonly why: string;
  /** An admin sent it there. */
  readonly pinned?: true;
  /** config.d names others by now: why it is here all the same. */
  readonly stays?: string;
}

export interface KeepConnectedOptions {
  readonly clock: Clock;
  readonly choice: ServerChoice;
  readonly settings: () => ServerSettings;
  readonly open: (server: string, lastEventId: string | undefined, signal: AbortSignal) => Promise<Session>;
  readonly heard: (event: ServerEvent, server: string) => void;
  readonly changed: (connection: Connection) => void;
  /** Rung when there is no sense in waiting any more: a certificate has come, the servers are others. */
  readonly wake: Bell;
  /** Where the agent before this one was: asked as well, until another is verified, and first where an admin sent it there. */
  readonly before?: Pick<Connection, 'server' | 'pinned'>;
}

/** After the loss of a stream that was good. */
const WAITS = { baseMs: 1_000, maxMs: 5 * 60_000 };
/** A stream that ends sooner is as good as none. */
const SETTLED_MS = 60_000;
/** What this machine lacks is no server's fault. */
const OWN_FAULTS = ['no-certificate'];

/**
 * Keeps one stream open, to whichever server is best, until the signal. Another server is verified, by the first event of a
 * stream of its own, before the present one is left. Where something may have been lost, `heard` gets a `resync`.
 */
export async function keepConnected(options: KeepConnectedOptions, signal: AbortSignal): Promise<never> {
  const { clock, choice, settings, heard, wake } = options;
  /** By server; an id says nothing to another. */
  const lastIds = new Map<string, string>();
  const { before } = options;
  let home = before?.server;
  let failures = 0;
  let next: Replacement | undefined;
  let trouble = '';
  let at: Connection | undefined;
  const changed = (connection: Connection): void => {
    at = connection;
    options.changed(connection);
  };
  /** Told once, as long as the reason is the same. */
  const stays = (why: string | undefined): void => {
    if (!at || at.stays === why) return;
    const { stays: _, ...rest } = at;
    changed({ ...rest, ...(why !== undefined && { stays: why }) });
  };

  async function attempt(server: string): Promise<Session | { readonly trouble: string }> {
    try {
      return await options.open(server, lastIds.get(server), signal);
    } catch (error) {
      signal.throwIfAborted();
      trouble = reasonOf(error);
      if (!isStatectlError(error) || !OWN_FAULTS.includes(error.code)) choice.failed(server);
      return { trouble };
    }
  }
  const pinned = before?.pinned && before.server !== undefined ? { pinned: before.server } : {};
  const leave = leaving({ clock, choice, settings, attempt, stays, ...pinned }, signal);

  async function connect(): Promise<Replacement | undefined> {
    trouble = 'no server is known';
    const known = [...settings().all, ...(home === undefined ? [] : [home])];
    const ordered = await choice.inOrder(known, signal);
    const sent = leave.pinned === undefined ? [] : [{ url: leave.pinned, reason: 'an admin sent it here' }];
    for (const { url, reason } of [...sent, ...ordered.filter(({ url }) => url !== leave.pinned)]) {
      const session = await attempt(url);
      if (!('trouble' in session)) return { session, why: reason };
    }
    return undefined;
  }

  async function follow({ server, messages }: Session): Promise<Replacement | undefined> {
    for await (const message of messages) {
      let replacement: Replacement | undefined;
      if (message !== 'beat') {
        if (message.id) lastIds.set(server, message.id);
        if (message.event === 'move') replacement = await leave.asked(message.data);
        else heard(message, server);
      }
      replacement ??= await leave.onBeat();
      if (replacement) return replacement;
    }
    trouble = `${server} closed its stream`;
    return undefined;
  }

  for (;;) {
    next ??= await connect();
    if (next) {
      const { session, why } = next;
      const { server, first } = session;
      const openedMs = clock.uptimeMs();
      const mayHaveMissed = server !== home || !lastIds.has(server) || first.event === 'resync';
      home = server;
      for (const url of lastIds.keys()) if (url !== home && !settings().all.includes(url)) lastIds.delete(url);
      if (first.id) lastIds.set(server, first.id);
      leave.arrived(server);
      const isPinned = leave.pinned === server && { pinned: true as const };
      changed({ state: 'connected', server, sinceMs: clock.now(), why, ...isPinned });
      if (mayHaveMissed) heard({ ...first, event: 'resync' }, server);
      next = undefined;
      try {
        next = await follow(session);
      } catch (error) {
        signal.throwIfAborted();
        trouble = reasonOf(error);
      } finally {
        session.close();
      }
      const isSettled = clock.uptimeMs() - openedMs >= SETTLED_MS;
      if (isSettled) choice.worked(server);
      if (next) continue;
      leave.lost();
      failures = isSettled ? 0 : failures + 1;
      // It says that it is well, and is not: others come first for a while.
      if (!isSettled) choice.failed(server);
    } else failures += 1;
    changed({ state: 'away', ...(home !== undefined && { server: home }), sinceMs: clock.now(), why: trouble });
    await wake.wait(backOffMs(clock, failures + 1, WAITS), signal);
  }
}
