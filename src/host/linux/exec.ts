import { StringDecoder } from 'node:string_decoder';
import { entryOf } from '../../entry-of.ts';
import type { Exec, RunOptions, RunResult } from '../host.ts';
import {
  folderMissing,
  programMissing,
  programOutput,
  programTimeout,
  START_FAILURES,
  signalCode,
} from '../program-error.ts';
import { accountOptions } from './account-options.ts';

/** A daemon that a program leaves behind may hold its pipes for ever; what is in them by then is all that counts. */
const PIPES_AFTER_EXIT_MS = 1000;
const MOST_OUTPUT = 100_000_000;

/** Passes on what a stream says, never half of a character. */
function listen(stream: NodeJS.ReadableStream | null | undefined, hear: (text: string) => void): void {
  const decoder = new StringDecoder('utf8');
  stream?.on('data', (bytes: Buffer) => hear(decoder.write(bytes)));
}

async function run(argv: readonly string[], options: RunOptions = {}): Promise<RunResult> {
  const { input, cwd, timeoutMs, signal, inherit, onOutput, encoding, mostOutput = MOST_OUTPUT } = options;
  const [program = '', ...rest] = argv;
  signal?.throwIfAborted();
  // Imported on first use: a boot that runs nothing does not pay for it, and in the bundle it initialises lazily.
  const { execa } = await import('execa');
  const output = inherit ? 'inherit' : 'pipe';
  const subprocess = execa(program, rest, {
    reject: false,
    stripFinalNewline: false,
    ...(encoding && { encoding }),
    stdout: output,
    stderr: output,
    // A verbose program may print more than fits into memory.
    buffer: { stdout: onOutput === undefined },
    maxBuffer: mostOutput,
    ...(input === undefined ? { stdin: 'ignore' } : { input }),
    // A process group of its own dies whole on timeout. What the operator watches stays on their terminal.
    killDescendants: !inherit,
    ...accountOptions(options),
    extendEnv: false,
    ...(cwd !== undefined && { cwd }),
    ...(timeoutMs !== undefined && { timeout: Math.max(1, Math.ceil(timeoutMs)) }),
    ...(signal && { cancelSignal: signal }),
  });
  if (onOutput) for (const stream of [subprocess.stdout, subprocess.stderr]) listen(stream, onOutput);
  let letGo: NodeJS.Timeout | undefined;
  subprocess.nodeChildProcess.once?.('exit', () => {
    letGo = setTimeout(() => {
      subprocess.stdout?.destroy();
      subprocess.stderr?.destroy();
    }, PIPES_AFTER_EXIT_MS);
  });
  const result = await subprocess;
  clearTimeout(letGo);

  const { stdout = '', stderr = '' } = result as { stdout?: string; stderr?: string };
  if (result.isCanceled) throw signal?.reason;
  if (result.timedOut) throw programTimeout(argv, timeoutMs ?? 0, stderr);
  if (result.isMaxBuffer) throw programOutput(program, mostOutput);
  if (result.exitCode !== undefined) return { exitCode: result.exitCode, stdout, stderr };
  if (result.signal !== undefined) return { exitCode: signalCode(result.signal), stdout, stderr };
  if (result.originalMessage?.includes('"cwd"')) throw folderMissing(program, cwd ?? '');
  throw programMissing(
    program,
    entryOf(START_FAILURES, result.code ?? '') ?? result.originalMessage ?? 'unknown reason',
    result,
  );
}

/**
 * Programs through execa. Output comes verbatim, final newline included; a program killed by signal N exits with 128 + N.
 * Throws `program-missing`, `program-timeout`, `program-output`, `folder-missing`, or the signal's reason.
 */
export const linuxExec = (): Exec => ({ run });
