import { needsConfigDir, readConfigDir } from '../../../config/config-dir.ts';
import { expandHostlist } from '../../../config/nodes/hostlist.ts';
import { isStatectlError, reasonOf } from '../../../error.ts';
import type { Host } from '../../../host/host.ts';
import { LOCKED_STATUS, LOCKED_WORD } from '../../../protocol/lock-check.ts';
import { type NodeChoice, nodesNamed, nodesOfGroup } from './node-choice.ts';

export interface RunTarget {
  readonly node: string;
  /** Where it is; absent: ssh finds it by the name of the node. */
  readonly address?: string;
}

export interface RunOnNodes {
  readonly targets: readonly RunTarget[];
  /** As ssh(1) takes it: its words are joined by blanks, and the shell of the node reads them. */
  readonly command: readonly string[];
  /** How many at once. */
  readonly width: number;
  readonly timeoutMs: number;
  readonly user?: string;
  readonly identityFile?: string;
  /** With the authority of the server, before what the person has; absent: only what the person has. */
  readonly knownHosts?: string;
  /** Where a machine has the statectl that knows of a print or another lock: nothing is run there then. Absent: it is all the same. */
  readonly lockedBy?: string;
  /** How long to come back to those that were locked. */
  readonly waitMs?: number;
  /** ssh_config(5), over all else. */
  readonly options: readonly string[];
  readonly signal: AbortSignal;
  /** Hears lines as they come, on both outputs; what was heard is then not in the result. */
  readonly onLine?: (node: string, line: string) => void;
  readonly onDone?: (run: NodeRun) => void;
}

export interface NodeRun extends RunTarget {
  /** Exit status of the command; 255 is ssh's own. Undefined: it did not come to its end. */
  readonly exitCode?: number;
  readonly failure?: 'timeout' | 'stopped' | 'not started' | 'locked';
  readonly tookMs: number;
  readonly stdout: string;
  readonly stderr: string;
  /** What says most in one line. */
  readonly firstLine: string;
}

/** By the group, or by the words; a config.d that is there must know them. Throws `node-unknown`, `group-unknown`, `config-missing`. */
export async function nodesToRunOn(
  host: Pick<Host, 'files'>,
  { config, group, selector = '' }: NodeChoice,
): Promise<readonly string[]> {
  if (group !== undefined) return await nodesOfGroup(host, config, group);
  if (selector !== 'all' && (await host.files.stat(config))?.type !== 'dir') return expandHostlist(selector);
  await needsConfigDir(host, config);
  const { nodes } = await readConfigDir(host, config);
  const hint = '`statectl node list` names those that there are; is the command behind `--`?';
  return nodesNamed(selector, [...nodes.nodes.keys()], 'there is no node', hint);
}

/** So often it is looked whether a lock is gone. */
const LOCK_LOOK_MS = 60_000;

/**
 * Runs one command on many nodes, so many at once. One that fails, hangs or is away stops no other; those that were locked come
 * again after all others, as long as they may be waited for. In the order of the targets.
 */
export async function runOnNodes(host: Pick<Host, 'exec' | 'clock'>, options: RunOnNodes): Promise<readonly NodeRun[]> {
  const { clock } = host;
  const { targets, waitMs = 0, width, signal, onDone } = options;
  const endMs = clock.uptimeMs() + waitMs;
  const results: NodeRun[] = [];
  for (let left = [...targets.keys()]; left.length > 0; ) {
    const isLast = clock.uptimeMs() >= endMs || signal.aborted;
    const locked: number[] = [];
    const queue = left.values();
    const work = async (): Promise<void> => {
      for (const at of queue) {
        const run = await runOne(host, targets[at] as RunTarget, options);
        results[at] = run;
        if (run.failure === 'locked' && !isLast) locked.push(at);
        else onDone?.(run);
      }
    };
    await Promise.all(Array.from({ length: Math.min(width, left.length) }, work));
    left = locked;
    if (left.length > 0)
      await clock.sleep(Math.min(LOCK_LOOK_MS, Math.max(0, endMs - clock.uptimeMs())), signal).catch(() => {});
  }
  return results;
}

async function runOne(
  { exec, clock }: Pick<Host, 'exec' | 'clock'>,
  target: RunTarget,
  options: RunOnNodes,
): Promise<NodeRun> {
  const { signal, timeoutMs, onLine } = options;
  const startedMs = clock.uptimeMs();
  const lines = onLine && lineReader((line) => onLine(target.node, line));
  const ended = (more: Pick<NodeRun, 'exitCode' | 'failure' | 'stdout' | 'stderr'>): NodeRun => {
    const tookMs = Math.round(clock.uptimeMs() - startedMs);
    const firstLine = lines?.first() ?? firstOf(more.stdout) ?? lastOf(more.stderr) ?? '';
    return { ...target, ...more, tookMs, firstLine };
  };
  if (signal.aborted) return ended({ failure: 'stopped', stdout: '', stderr: '' });
  try {
    const { exitCode, stdout, stderr } = await exec.run(sshArgv(target, options), {
      timeoutMs,
      signal,
      ...(lines && { onOutput: lines.hear }),
    });
    lines?.end();
    if (exitCode === LOCKED_STATUS && (lines?.first() ?? stderr).startsWith(LOCKED_WORD))
      return ended({ failure: 'locked', stdout, stderr: lines ? '' : stderr });
    return ended({ exitCode, stdout, stderr: lines ? '' : stderr });
  } catch (error) {
    lines?.end();
    const isLate = isStatectlError(error) && error.code === 'program-timeout';
    const failure = signal.aborted ? 'stopped' : isLate ? 'timeout' : 'not started';
    return ended({ failure, stdout: '', stderr: failure === 'not started' ? reasonOf(error) : '' });
  }
}

/**
 * Before the command, in words that every login shell reads: a machine that is none of ours has no lock, and one whose statectl
 * cannot say whether it has one may need the command.
 */
const guardOf = (program: string): string =>
  `/bin/sh -c 'test -x ${program} || exit 0; ${program} lock check; test $? -ne ${LOCKED_STATUS}' || exit ${LOCKED_STATUS};`;

/** ssh(1): of two values the first counts. The node is called by its name, so that the person's own settings for it hold. */
export function sshArgv(
  { node, address }: RunTarget,
  options: Omit<RunOnNodes, 'targets' | 'width'>,
): readonly string[] {
  const { user, identityFile, knownHosts, command, lockedBy, timeoutMs } = options;
  const settings = [
    ...options.options,
    'BatchMode=yes',
    'StrictHostKeyChecking=yes',
    `ConnectTimeout=${Math.max(1, Math.min(30, Math.floor(timeoutMs / 1000)))}`,
    'LogLevel=ERROR',
    // The server signed for the name of the node, whatever its address is.
    `HostKeyAlias=${node}`,
    ...(address === undefined ? [] : [`HostName=${address}`]),
    ...(knownHosts === undefined ? [] : [`UserKnownHostsFile=${knownHosts} ~/.ssh/known_hosts`]),
  ];
  return [
    'ssh',
    '-n',
    '-T',
    ...settings.flatMap((setting) => ['-o', setting]),
    ...(user === undefined ? [] : ['-l', user]),
    ...(identityFile === undefined ? [] : ['-i', identityFile]),
    '--',
    node,
    ...(lockedBy === undefined ? [] : [guardOf(lockedBy)]),
    ...command,
  ];
}

/** Whole lines of a stream of pieces. */
function lineReader(hear: (line: string) => void) {
  let rest = '';
  let first: string | undefined;
  const say = (line: string): void => {
    first ??= line.trim() === '' ? undefined : line;
    hear(line);
  };
  return {
    hear(text: string): void {
      const lines = (rest + text).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) say(line.replace(/\r$/, ''));
    },
    end(): void {
      if (rest !== '') say(rest);
      rest = '';
    },
    first: () => first,
  };
}

const linesOf = (text: string): readonly string[] => text.split(/\r?\n/).filter((line) => line.trim() !== '');
const firstOf = (text: string): string | undefined => linesOf(text)[0];
const lastOf = (text: string): string | undefined => linesOf(text).at(-1);
