import { dirname } from 'node:path/posix';
import { isStatectlError, reasonOf } from '../../../error.ts';
import type { Host } from '../../../host/host.ts';
import { IMAGE_MOUNT } from '../../../machine/paths.ts';
import type { CheckResult } from '../gate.ts';
import { lastLine } from './told-by.ts';

/** Of the image itself, whatever is mounted over it. */
const OF_IMAGE = `${IMAGE_MOUNT}/usr/lib/statectl/health.d`;
const OF_TEMPLATES = '/etc/statectl/health.d';
const NEEDS = ['required', 'wanted'] as const;

const LIMIT_MS = 30_000;
const MOST_SCRIPTS = 20;
/** The end of what a script says: enough for what went wrong. */
const KEPT_LETTERS = 1_000;
/** Texts of people, and what editors and package managers leave. */
const NO_SCRIPT = /^\.|^README|~$|\.(dpkg|rpm|ucf)[a-z-]*$|\.bak$/i;

export interface HealthScript {
  readonly path: string;
  readonly name: string;
  readonly need: CheckResult['need'];
  /** Why it is not run. */
  readonly refused?: string;
}

/**
 * The scripts of the image, and those that templates of config.d wrote. One that is not run counts as one that fails: a check
 * that is left out says nothing. `written` are the files that came from config.d.
 */
export async function findScripts(
  { files }: Pick<Host, 'files'>,
  written: ReadonlySet<string>,
): Promise<readonly HealthScript[]> {
  const scripts: HealthScript[] = [];
  for (const need of NEEDS)
    for (const folder of [OF_IMAGE, OF_TEMPLATES])
      for (const entry of await files.list(`${folder}/${need}`).catch(() => [])) {
        if (NO_SCRIPT.test(entry)) continue;
        const path = `${folder}/${need}/${entry}`;
        const stranger =
          folder === OF_TEMPLATES && !written.has(path)
            ? 'neither the image nor a template of config.d has it'
            : undefined;
        const tooMany = scripts.length >= MOST_SCRIPTS ? `there are more than ${MOST_SCRIPTS}` : undefined;
        const refused = stranger ?? (await whyUnsafe({ files }, path)) ?? tooMany;
        scripts.push({ path, need, name: `script ${entry}`, ...(refused !== undefined && { refused }) });
        if (tooMany !== undefined) return scripts;
      }
  return scripts;
}

/** Root's alone from the root folder down: who could write one of these would have a program run as root. */
async function whyUnsafe({ files }: Pick<Host, 'files'>, path: string): Promise<string | undefined> {
  const stat = await files.stat(path);
  if (stat?.type !== 'file') return `it is ${stat?.type === 'symlink' ? 'a link' : 'no file'}`;
  for (let at = path; ; at = dirname(at)) {
    const part = at === path ? stat : await files.stat(at);
    if (part?.type === 'symlink') return `${at} is a link`;
    if (part?.uid !== 0) return `${at} is of another account than root`;
    // Others of root's group may be people.
    if ((part.mode & 0o022) !== 0) return `others than root may write ${at}`;
    if (at === '/') break;
  }
  return (stat.mode & 0o100) === 0 ? 'it is not executable (mode 0755)' : undefined;
}

/** Runs one, as its first line says, with nothing to read; with all that it started it is ended when its time is over. */
export async function runScript(
  { exec }: Pick<Host, 'exec'>,
  { path, name, need, refused }: HealthScript,
  signal: AbortSignal,
): Promise<CheckResult> {
  const failed = (why: string): CheckResult => ({ name, need, why });
  if (refused !== undefined) return failed(`it is not run: ${refused}`);
  let said = '';
  try {
    // One pipe for both outputs keeps them in order; the shell becomes the script.
    const { exitCode } = await exec.run(['/bin/sh', '-c', 'exec "$0" 2>&1', path], {
      timeoutMs: LIMIT_MS,
      signal,
      cwd: '/',
      onOutput(piece) {
        said = `${said}${piece.slice(-KEPT_LETTERS)}`.slice(-KEPT_LETTERS);
      },
    });
    return exitCode === 0 ? { name, need } : failed(`exit status ${exitCode}${quoted(said)}`);
  } catch (error) {
    if (isStatectlError(error) && error.code === 'program-timeout')
      return failed(`it did not end within ${LIMIT_MS / 1000} s${quoted(said)}`);
    if (signal.aborted) return failed(`it had not ended when the time was over${quoted(said)}`);
    return failed(reasonOf(error));
  }
}

const quoted = (said: string): string => {
  const line = lastLine(said);
  return line === '' ? '' : `: ${line}`;
};
