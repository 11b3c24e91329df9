import * as z from 'zod/mini';
import type { Host } from '../../host/host.ts';
import { readSaid } from '../../protocol/read-answer.ts';
import { LOCK_LIMIT_MS, type Lock, short } from './lock.ts';

/** logind has a file here for each; where there is none, nobody has to be asked. */
const FOLDER = '/run/systemd/inhibit';
const PATIENCE_MS = 5_000;
const MOST_CHARACTERS = 256 * 1024;
const MOST = 100;

/** org.freedesktop.login1(5), ListInhibitors: what, who, why, mode, uid, pid. systemd-inhibit(1) has no JSON before 257. */
const LIST = ['org.freedesktop.login1', '/org/freedesktop/login1', 'org.freedesktop.login1.Manager', 'ListInhibitors'];
const Inhibitors = z.looseObject({
  data: z.array(z.array(z.tuple([z.string(), z.string(), z.string(), z.string(), z.number(), z.number()]))),
});

/**
 * What others than root hold by `systemd-inhibit`: that the machine is not to be shut down. It says no time, so each counts for so
 * long from when it was first seen (`before`). Nobody who answers, or too much: none, and why.
 */
export async function inhibitors(
  { files, exec, clock }: Pick<Host, 'files' | 'exec' | 'clock'>,
  before: readonly Lock[],
  limitMs = LOCK_LIMIT_MS,
): Promise<{ readonly locks: readonly Lock[]; readonly fault?: string }> {
  const names = await files.list(FOLDER).catch(() => []);
  if (names.length === 0) return { locks: [] };
  let text = '';
  const tooMuch = new AbortController();
  const { exitCode, stderr } = await exec
    .run(['busctl', '--system', '--json=short', 'call', ...LIST], {
      timeoutMs: PATIENCE_MS,
      signal: tooMuch.signal,
      onOutput(piece) {
        text += piece;
        if (text.length > MOST_CHARACTERS) tooMuch.abort(new Error('it says too much'));
      },
    })
    .catch((error: Error) => ({ exitCode: 1, stderr: error.message }));
  if (exitCode !== 0) return { locks: [], fault: stderr.trim().split('\n').at(-1) || text.trim().slice(0, 200) };
  const { value, fault } = readSaid(text, Inhibitors);
  if (fault !== undefined) return { locks: [], fault };
  const nowMs = clock.now();
  const locks = value.data
    .flat()
    // A `delay` lets go by itself within seconds, and what is about keys and lids is no shutdown.
    .filter(([what, , , mode]) => mode.startsWith('block') && what.split(':').includes('shutdown'))
    .slice(0, MOST)
    .map(([, who, why, , uid, pid]): Lock => {
      const name = `inhibitor-${uid}-${pid}`;
      const sinceMs = before.find((other) => other.name === name)?.sinceMs ?? nowMs;
      return { name, holder: short(who), what: short(why), pid, sinceMs, untilMs: sinceMs + limitMs };
    });
  return { locks };
}
