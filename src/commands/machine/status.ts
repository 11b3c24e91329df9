import { systemStatus } from '../../agent/status.ts';
import type { Host } from '../../host/host.ts';
import { printableJson } from '../../printable.ts';
import { print as toStdout } from '../print.ts';
import { parseWords } from './boot-words.ts';
import { statusText } from './status-text.ts';

/** `statectl status`: what was booted, what persists, what a reboot would lose. Throws `not-booted` elsewhere. */
export async function status(
  host: Pick<Host, 'files' | 'exec'>,
  words: readonly string[],
  print: (text: string) => void = toStdout,
): Promise<number> {
  const { values } = parseWords('status', {
    args: [...words],
    options: { json: { type: 'boolean' }, all: { type: 'boolean' }, 'no-changes': { type: 'boolean' } },
  });
  const found = await systemStatus(host, values['no-changes'] ? 'no changes' : 'for changes');
  print(values.json ? `${printableJson(found, 2)}\n` : statusText(found, { all: values.all ?? false }));
  return 0;
}
