import { setFlagsFromString } from 'node:v8';
import type { AgentHost } from '../../agent/agent.ts';
import { parseWords } from './boot-words.ts';

/**
 * `statectl agent`: until SIGTERM or SIGINT; with `--copy-database`, a child of it, which copies one; with `--serve-cache`, what
 * shows a folder united with its server's, by the descriptor 3; with
 * `--release-volumes`, what the way down does with volumes. Throws `not-booted` where there is nothing to keep.
 */
export async function agent(host: AgentHost, words: readonly string[]): Promise<number> {
  const { values } = parseWords('agent', {
    args: [...words],
    options: {
      ...{ 'copy-database': { type: 'string' }, to: { type: 'string' } },
      ...{
        'serve-cache': { type: 'string' },
        spool: { type: 'string' },
        owner: { type: 'string' },
        mark: { type: 'string' },
      },
      'release-volumes': { type: 'boolean' },
    },
  });
  const { 'copy-database': from, to, 'serve-cache': files, spool, owner, mark } = values;
  if (values['release-volumes']) {
    const { releaseVolumes } = await import('../../machine/state/drbd/release-volumes.ts');
    await releaseVolumes(host);
    return 0;
  }
  if (files !== undefined && spool !== undefined && owner !== undefined && mark !== undefined) {
    const { serveAtDescriptor } = await import('../../fuse/serve-at-descriptor.ts');
    const [uid = 0, gid = 0] = owner.split(':').map(Number);
    await serveAtDescriptor(3, { files, spool, account: { uid, gid }, mark, console: host.console });
    return 0;
  }
  if (from !== undefined && to !== undefined) {
    const { copyDatabase } = await import('../../host/linux/databases/copy-database.ts');
    await copyDatabase(from, to);
    return 0;
  }
  // Room for new objects grows with each burst, to 16 MiB and twice: 46 MiB in all after a minute of a thousand variables, 38 so.
  setFlagsFromString('--semi-space-growth-factor=1');
  const stop = new AbortController();
  const end = () => stop.abort(new Error('the agent stops'));
  process.once('SIGTERM', end);
  process.once('SIGINT', end);
  const { inTurn } = await import('../../agent/in-turn.ts');
  const { refresh } = await import('../../agent/refresh.ts');
  const { renew } = await import('../../agent/identity/renew.ts');
  const { runAgent } = await import('../../agent/run-agent.ts');
  const turn = inTurn();
  await runAgent(
    host,
    { refresh: (...words) => turn(() => refresh(...words)), renew: (...words) => turn(() => renew(...words)) },
    stop.signal,
  );
  return 0;
}
