import type { AgentHost } from '../agent/agent.ts';
import { parseWords } from './boot-words.ts';

/** `statectl agent`: until SIGTERM or SIGINT. Throws `not-booted` where there is nothing to keep. */
export async function agent(host: AgentHost, words: readonly string[]): Promise<number> {
  parseWords('agent', { args: [...words], options: {} });
  const stop = new AbortController();
  const end = () => stop.abort(new Error('the agent stops'));
  process.once('SIGTERM', end);
  process.once('SIGINT', end);
  const { refresh } = await import('../agent/refresh.ts');
  const { renew } = await import('../agent/renew.ts');
  const { runAgent } = await import('../agent/run-agent.ts');
  await runAgent(host, { refresh, renew }, stop.signal);
  return 0;
}
