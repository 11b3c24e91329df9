import type { AgentHost, Renewed } from '../agent/agent.ts';
import { parseWords } from './boot-words.ts';

/** `statectl agent`: until SIGTERM or SIGINT. Throws `not-booted` where there is nothing to keep. */
export async function agent(host: AgentHost, words: readonly string[]): Promise<number> {
  parseWords('agent', { args: [...words], options: {} });
  const stop = new AbortController();
  const end = () => stop.abort(new Error('the agent stops'));
  process.once('SIGTERM', end);
  process.once('SIGINT', end);
  const { refresh } = await import('../agent/refresh.ts');
  const { runAgent } = await import('../agent/run-agent.ts');
  await runAgent(host, { refresh, renew: async () => never(host) }, stop.signal);
  return 0;
}

const never = ({ clock }: AgentHost): Renewed => ({ state: 'current', nextAtMs: clock.now() + 86_400_000 });
