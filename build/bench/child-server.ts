import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import type { RunningServer } from '../../src/server/listen.ts';
import { startLabServer } from '../../test/fixtures/agent-lab.ts';
import { parseChildrenSeconds } from './cpu-time.ts';
import { forkOn } from './run-apart.ts';

/** What a server costs, as its own process tells. */
export interface ServerCost {
  readonly rssBytes: number;
  /** Since it started, of all its threads, and of the processes that it waited for. */
  readonly cpuSeconds: number;
}

/** A real server in a process of its own: what it costs is not mixed with what its clients cost. */
export interface ChildServer extends AsyncDisposable {
  readonly url: string;
  readonly securePort: number;
  cost(): Promise<ServerCost>;
}

const WORD = '--serve';

/** In the process that was started with the words of `startChildServer`, serves until its parent goes; otherwise gives false. */
export async function isChildServer(
  words: readonly string[],
  start: (state: string) => Promise<RunningServer> = (state) => startLabServer(state, () => 'first'),
): Promise<boolean> {
  const [word, state] = words;
  if (word !== WORD || state === undefined || !process.send) return false;
  const { url, securePort } = await start(state);
  process.on('disconnect', () => process.exit(0));
  process.on('message', () => {
    // What is collectable is not kept by anybody.
    globalThis.gc?.();
    globalThis.gc?.();
    const { user, system } = process.cpuUsage();
    const cpuSeconds = (user + system) / 1e6 + parseChildrenSeconds(readFileSync('/proc/self/stat', 'latin1'));
    process.send?.({ rssBytes: process.memoryUsage().rss, cpuSeconds } satisfies ServerCost);
  });
  process.send({ url, securePort });
  return true;
}

/** `script` calls `isChildServer`. */
export async function startChildServer(
  script: string,
  state: string,
  where: { readonly core?: number } = {},
): Promise<ChildServer> {
  const child = forkOn(script, [WORD, state], where);
  const [{ url, securePort }] = (await once(child, 'message')) as [
    { readonly url: string; readonly securePort: number },
  ];
  return {
    url,
    securePort,
    async cost() {
      const answer = once(child, 'message');
      child.send('cost');
      return (await answer)[0] as ServerCost;
    },
    async [Symbol.asyncDispose]() {
      const ended = once(child, 'exit');
      child.disconnect();
      await ended;
    },
  };
}
