import { nearest } from '../check/suggest.ts';
import { type CommandLine, sameName } from './command-line.ts';

/** Every `statectl.` argument there is, as docs/reference has it; others get a warning with a suggestion. */
export const STATECTL_ARGUMENTS = {
  'statectl.server':
    'base URL of a server, `http://HOST:PORT`; several, separated by commas or given again, in order. Replaces those of config.d',
  'statectl.image': 'image to boot, `NAME` or `NAME@VERSION`; default: what the server chooses',
  'statectl.slot': 'which entry of its disk booted the machine, `a` or `b`: boot loaders say it',
  'statectl.set':
    'one setting over all others, `PATH=VALUE` with VALUE as in a file: `statectl.set=tmpfs./tmp.size=10%`; given again for several',
  'statectl.label': 'what a node file can match: `NAME=VALUE`; several, separated by commas or given again',
  'statectl.break':
    'phases before which a shell opens, separated by commas; leaving it goes on; `shutdown`: on the way down, before anything is unmounted',
  'statectl.rescue': 'the rescue prompt at once, instead of a boot',
  'statectl.shell':
    '`0`: no prompt when the boot fails, but the unattended answer of controller/rescue.conf after ten seconds',
  'statectl.crash': 'when the controller itself crashes: `plan` (that of the last good boot), `rescue` or `reboot`',
  'statectl.events': 'a port that gets the journal as JSON lines, such as `/dev/ttyS1`',
} as const;

/** A `statectl.` argument that nobody knows. */
export interface ArgumentReport {
  readonly name: string;
  readonly origin: string;
  readonly suggestion: string | undefined;
  readonly message: string;
}

const OURS = 'statectl';

/** Reports each `statectl.` argument that is not in `known` (full names), and prefixes that look misspelt. */
export function checkStatectlArguments({ words }: CommandLine, known: readonly string[]): readonly ArgumentReport[] {
  const names = new Set(known.map(sameName));
  const keys = known.map((name) => name.slice(name.indexOf('.') + 1));
  const reports: ArgumentReport[] = [];
  for (const { name, origin } of words) {
    const dot = name.indexOf('.');
    const prefix = name.slice(0, Math.max(dot, 0));
    const misspelt = prefix !== OURS && nearest(prefix, [OURS]) !== undefined;
    if ((prefix !== OURS && !misspelt) || names.has(sameName(name))) continue;
    // Compared without the prefix, which would make all names look alike.
    const key = nearest(name.slice(dot + 1), keys);
    const suggestion = key === undefined ? undefined : `${OURS}.${key}`;
    const advice = suggestion === undefined ? 'it is ignored' : `did you mean ${suggestion}?`;
    reports.push({ name, origin, suggestion, message: `${origin}: unknown kernel argument ${name}: ${advice}` });
  }
  return reports;
}
