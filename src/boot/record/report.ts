import { createHash } from 'node:crypto';
import type { StatectlError } from '../../error.ts';
import type { Host } from '../../host/host.ts';
import type { Facts } from '../../machine/facts/facts.ts';
import { endOf } from '../../machine/logs/end-of-text.ts';
import { redact } from '../../machine/logs/redact.ts';
import { ASKED, FAILURE, JOURNAL, REPORT, RUN } from '../../machine/paths.ts';
import { printable } from '../../printable.ts';
import { writeNumber } from '../../signed/bundle/order.ts';
import { VERSION } from '../../version.ts';
import type { PhaseName } from '../phase.ts';
import { commandLineLayers } from '../phases/cmdline.ts';

export interface Failure {
  readonly phase: PhaseName;
  readonly error: StatectlError;
  readonly facts: Partial<Facts>;
}

/** What an admin asks for first, each with the command that tells it. */
const COMMANDS: readonly (readonly string[])[] = [
  ['cat', '/proc/self/mountinfo'],
  ['blkid', '-c', '/dev/null'],
  ['cat', '/proc/partitions'],
  ['ip', 'address'],
  ['ip', 'route'],
  ['cat', '/etc/resolv.conf'],
  ['lsmod'],
  ['df', '-k'],
  ['free'],
  ['dmesg'],
];

/** Of a text that is longer, the end counts: with the beginning it would not fit in RAM or on a small disk. */
const LONGEST_SECTION_BYTES = 200_000;
const TIMEOUT_MS = 5000;

/** The lines that the rescue prompt shows: what, why, what to do. */
export const failureText = ({ phase, error }: Failure): string =>
  error.code === 'rescue-asked'
    ? `\nstatectl: ${printable(redact(error.message), '  ')}\n${hintLine(error)}\n`
    : `\nstatectl: the boot failed in its phase "${phase}" (${error.code})\n  ${printable(redact(error.message), '  ')}\n${hintLine(error)}  The whole report: ${REPORT}, or \`statectl rescue report\`\n\n`;

const hintLine = ({ hint }: StatectlError): string => (hint ? `→ ${printable(redact(hint), '  ')}\n` : '');

/**
 * Writes the report of a failed boot, redacted and bounded, where it survives the switch and only root reads it.
 * Gives its text. The initramfs keeps no other log: every line is in the journal and in the kernel's log.
 */
export async function writeReport(host: Host, failure: Failure): Promise<string> {
  const { files } = host;
  // The prompt needs these two, whatever becomes of the rest.
  await files.write(FAILURE, failureText(failure));
  if (failure.error.code === 'rescue-asked') await files.write(ASKED, '');
  const text = await reportText(host, failure);
  await files.write(REPORT, text, { mode: 0o600 });
  await files.remove(`${RUN}/report.txt`);
  await files.symlink(REPORT, `${RUN}/report.txt`);
  return text;
}

async function reportText(host: Host, { phase, error, facts }: Failure): Promise<string> {
  const { clock, files } = host;
  const layers = await commandLineLayers(host);
  // What its arguments say is told by name, so that it is redacted: among the facts a secret would stand apart from its name.
  const { config, machine, commandLine, ...rest } = facts;
  const sections: (readonly [title: string, text: string])[] = [
    [
      `statectl ${VERSION}, report of ${new Date(clock.now()).toISOString()}, ${Math.round(clock.uptimeMs())} ms after the kernel started`,
      failureText({ phase, error, facts }),
    ],
    ['kernel command line', layers.map(({ origin, text }) => `${origin}: ${text}`).join('\n')],
    [
      'arguments for statectl',
      (commandLine?.words ?? [])
        .filter(({ name }) => /^(statectl|rd)\./.test(name))
        .map(({ raw, origin }) => `${raw} (${origin})`)
        .join('\n'),
    ],
    [
      'config',
      machine
        ? `sha256 ${machine.configDigest}, ${machine.configOrigin}${bundleText(facts)}; with the command line: sha256 ${digestOf(config)}\n${JSON.stringify(config, null, 1)}`
        : 'not read yet',
    ],
    ['facts', JSON.stringify({ machine, ...rest }, null, 1)],
  ];
  for (const argv of COMMANDS) sections.push([argv.join(' '), await outputOf(host, argv)]);
  sections.push(['journal', await files.readText(JOURNAL).catch(() => '')]);
  return printable(
    redact(sections.map(([title, text]) => `# ${title}\n${endOf(text.trimEnd(), LONGEST_SECTION_BYTES)}\n`).join('\n')),
  );
}

const bundleText = ({ bundle: { inForce: bundle } = {} }: Partial<Facts>): string =>
  bundle ? ` bundle ${writeNumber(bundle)} of ${bundle.node ?? 'any machine'}` : '';

async function outputOf({ exec }: Pick<Host, 'exec'>, argv: readonly string[]): Promise<string> {
  const { stdout, stderr } = await exec
    .run(argv, { timeoutMs: TIMEOUT_MS })
    .catch((error: Error) => ({ stdout: '', stderr: error.message }));
  return stdout + stderr;
}

const digestOf = (config: unknown): string =>
  createHash('sha256')
    .update(JSON.stringify(config) ?? '')
    .digest('hex');
