import { printable, printableJson, printableLine } from '../../printable.ts';
import type { JournalLine } from './journal-reader.ts';

/** `   1.234 s  mount: overlay on /etc … 12 ms`: the journal for people, oldest first. */
export const journalText = (lines: readonly JournalLine[]): string =>
  lines.map((line) => `${(line.atMs / 1000).toFixed(3).padStart(9)} s  ${sentence(line)}\n`).join('');

/** Lines of the journal begin with a time, and nothing else does. */
const INDENT = ' '.repeat(13);
const below = (text: string): string => printable(text, INDENT);

function sentence(line: JournalLine): string {
  switch (line.event) {
    case 'boot-started':
      return `statectl ${line.version} begins${line.from ? ` at ${line.from}` : ''}`;
    case 'phase-started':
      return `${line.phase} …`;
    case 'phase-ended':
      return `${line.phase}: done in ${line.tookMs} ms`;
    case 'step':
      return `${line.phase}: ${printableLine(line.step)} … ${line.tookMs} ms`;
    case 'said':
      return `${line.phase}: ${line.level === 'warning' ? 'WARNING: ' : ''}${below(line.text)}`;
    case 'failed':
      return `${line.phase}: FAILED (${line.code}): ${below(line.text)}${line.hint ? `\n${INDENT}→ ${below(line.hint)}` : ''}`;
    case 'rescue':
      return `rescue (${line.code})`;
    case 'left':
      return `${line.phase}: this boot ends here, by ${line.how}: another kernel goes on`;
    case 'break':
      return `stopped before ${line.phase}`;
    case 'handed-over':
      return `handed over to ${line.init} after ${line.bootMs} ms`;
    default:
      return printableJson(line);
  }
}
