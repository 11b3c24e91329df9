import * as z from 'zod/mini';
import type { Clock } from '../../host/host.ts';
import { MoveEvent } from '../../protocol/events.ts';
import type { ServerChoice, ServerSettings } from './server-choice.ts';
import type { Session } from './server-session.ts';

/** An open and verified stream of another server, and why it takes the place of the present one. */
export interface Replacement {
  readonly session: Session;
  readonly why: string;
}

/** When a machine leaves a server that works. Each gives the stream of another that is verified already, or undefined: it stays. */
export interface Leaving {
  /** The machine is at this server from now on. */
  arrived(server: string): void;
  /** An admin wants it at this server: no preference takes that back, as long as config.d says the same. */
  readonly pinned: string | undefined;
  /** The server asks for it; `data` is that of its `move`. */
  asked(data: unknown): Promise<Replacement | undefined>;
  /** Looked at on every beat of the stream: is there a better server, or is this one none of config.d's any more? */
  onBeat(): Promise<Replacement | undefined>;
  /** Its stream was lost: an admin's order is done with. */
  lost(): void;
}

export interface LeavingOptions {
  readonly clock: Pick<Clock, 'uptimeMs' | 'random'>;
  readonly choice: ServerChoice;
  readonly settings: () => ServerSettings;
  /** Why not, where its stream cannot be opened. */
  readonly attempt: (server: string) => Promise<Session | { readonly trouble: string }>;
  /** It is at a server that config.d does not name any more, and why; undefined: that is over. */
  readonly stays: (why: string | undefined) => void;
  /** Where an admin sent the agent before this one. */
  readonly pinned?: string;
}

/** However good others are meanwhile. */
const STAYS_MS = 5 * 60_000;
const MOST_TARGETS = 16;

export function leaving(
  { clock, choice, settings, attempt, stays, ...options }: LeavingOptions,
  signal: AbortSignal,
): Leaving {
  let here = '';
  let sinceMs = 0;
  let nextLookMs = 0;
  let { pinned } = options;
  const namedServers = () => settings().listed.join(' ');
  let named = namedServers();
  // A room of machines that started together does not look together for ever.
  const lookAgain = () => {
    nextLookMs = clock.uptimeMs() + settings().server.probe.intervalMs * (0.75 + clock.random() / 2);
  };
  const isFresh = () => clock.uptimeMs() - sinceMs < STAYS_MS;

  async function firstOf(
    urls: readonly string[],
    why: string,
    troubles: string[] = [],
  ): Promise<Replacement | undefined> {
    for (const url of urls) {
      if (url === here) continue;
      const session = await attempt(url);
      if (!('trouble' in session)) return { session, why };
      troubles.push(session.trouble.includes(url) ? session.trouble : `${url}: ${session.trouble}`);
    }
    return undefined;
  }
  /** One edit moves all machines; the new server is verified while the old one still answers. */
  async function goWhereNamed(): Promise<Replacement | undefined> {
    const troubles: string[] = [];
    const found = await firstOf(await others(), `config.d does not name ${here} any more`, troubles);
    if (!found) stays(`config.d does not name it any more, and no other can be used: ${troubles.join('; ')}`);
    return found;
  }
  const others = async (): Promise<readonly string[]> =>
    (
      await choice.inOrder(
        settings().listed.filter((url) => url !== here),
        signal,
      )
    ).map(({ url }) => url);

  return {
    arrived(server) {
      if (server !== here) sinceMs = clock.uptimeMs();
      here = server;
      lookAgain();
    },
    get pinned() {
      return pinned;
    },
    lost() {
      pinned = undefined;
    },
    async asked(data) {
      const { order, to, reason } = z.safeParse(MoveEvent, data).data ?? {};
      const text = reason?.slice(0, 200) ?? 'the server asked for it';
      if (order !== 'admin') {
        const better = isFresh() ? undefined : await choice.better(here, 'asked', signal);
        return better && (await firstOf([better.url], `${text}; ${better.reason}`));
      }
      const targets = to?.filter((url): url is string => typeof url === 'string' && URL.canParse(url));
      const found = await firstOf(targets?.slice(0, MOST_TARGETS) ?? (await others()), text);
      if (found) pinned = found.session.server;
      return found;
    },
    async onBeat() {
      if (named !== namedServers()) {
        named = namedServers();
        pinned = undefined;
        nextLookMs = 0;
      }
      if (clock.uptimeMs() < nextLookMs || here === pinned) return undefined;
      lookAgain();
      const { listed } = settings();
      if (listed.length > 0 && !listed.includes(here)) return goWhereNamed();
      stays(undefined);
      const better = isFresh() ? undefined : await choice.better(here, 'preferred', signal);
      return better && (await firstOf([better.url], better.reason));
    },
  };
}
