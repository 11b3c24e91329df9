import type { StatectlError } from '../error.ts';
import type { Host } from '../host/host.ts';
import type { Facts } from './facts.ts';
import { JOURNAL, REPORT, RUN, RUN_INITRAMFS } from './paths.ts';
import type { PhaseName } from './phase.ts';
import { redact } from './redact.ts';

export interface Failure {
  readonly phase: PhaseName;
  readonly error: StatectlError;
  readonly facts: Partial<Facts>;
}

/** What an admin asks for first, each with the command that tells it. */
const COMMANDS: readonly (readonly string[])[] = [
  ['cat', '/proc/cmdline'],
  ['cat', '/proc/mounts'],
  ['blkid'],
  ['ip', 'address'],
  ['ip', 'route'],
  ['cat', '/etc/resolv.conf'],
  ['lsmod'],
  ['df'],
  ['free'],
  ['dmesg'],
];

/** The lines that /init shows with the prompt: what, why, what to do. */
export const failureText = ({ phase, error }: Failure): string =>
  `\nstatectl: the boot failed in its phase "${phase}" (${error.code})\n  ${redact(error.message)}\n${error.hint ? `→ ${redact(error.hint)}\n` : ''}  The whole report: ${REPORT}\n\n`;

/** Writes the report of a failed boot, redacted, where it survives the switch. */
export async function writeReport(host: Host, failure: Failure): Promise<void> {
  const { files, exec, clock } = host;
  const sections = [
    `statectl report, ${new Date(clock.now()).toISOString()}, ${Math.round(clock.uptimeMs())} ms after the kernel started`,
    failureText(failure),
    `# facts\n${JSON.stringify(failure.facts, null, 1)}`,
    `# journal\n${await files.readText(JOURNAL).catch(() => '')}`,
  ];
  for (const argv of COMMANDS) {
    const { stdout, stderr } = await exec.run(argv, { timeoutMs: 5000 }).catch((error: Error) => ({ stdout: '', stderr: error.message }));
    sections.push(`# ${argv.join(' ')}\n${stdout}${stderr}`);
  }
  const text = redact(sections.join('\n\n'));
  await files.write(REPORT, text, { mode: 0o600 });
  await files.write(`${RUN}/report.txt`, text, { mode: 0o600 });
  await files.write(`${RUN_INITRAMFS}/failure`, failureText(failure));
}
