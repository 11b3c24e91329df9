import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
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

/** A daemon that a program leaves behind may hold its pipes for ever. */
const PIPES_AFTER_EXIT_MS = 1000;

/**
 * Programs for a boot, which starts some forty: node:child_process alone. Measured under TCG: 15 ms each against execa's
 * 48 ms, and 0.4 s less to load (docs/design/decisions.md). Behaves as linuxExec; the contract suite holds both to it.
 */
export const leanExec = (): Exec => ({ run });

function run(argv: readonly string[], options: RunOptions = {}): Promise<RunResult> {
  const { input, cwd, timeoutMs, signal, inherit, onOutput, encoding, mostOutput = Number.POSITIVE_INFINITY } = options;
  const [program = '', ...rest] = argv;
  if (signal?.aborted) return Promise.reject(signal.reason);
  const { promise, resolve, reject } = Promise.withResolvers<RunResult>();
  const output = inherit ? 'inherit' : 'pipe';
  const child = spawn(program, rest, {
    stdio: [input === undefined ? 'ignore' : 'pipe', output, output],
    // A process group of its own dies whole on timeout.
    detached: !inherit,
    ...(cwd && { cwd }),
    ...accountOptions(options),
  });
  const texts = { stdout: [] as Buffer[], stderr: [] as Buffer[] };
  for (const name of ['stdout', 'stderr'] as const) {
    const decoder = new StringDecoder('utf8');
    let kept = 0;
    child[name]?.on('data', (chunk: Buffer) => {
      onOutput?.(decoder.write(chunk));
      // A verbose program may print more than fits into memory.
      if (onOutput && name === 'stdout') return;
      kept += chunk.length;
      if (kept > mostOutput) stop(() => programOutput(program, mostOutput));
      else texts[name].push(chunk);
    });
  }
  // A program that ends before it read all of its input is its own business.
  child.stdin?.on('error', () => undefined);
  child.stdin?.end(input);

  const kill = () => {
    if (child.pid === undefined) return;
    try {
      process.kill(inherit ? child.pid : -child.pid, 'SIGKILL');
    } catch {
      // Gone already.
    }
  };
  let stopped: (() => unknown) | undefined;
  const stop = (reason: () => unknown) => {
    stopped ??= reason;
    kill();
  };
  const text = (name: 'stdout' | 'stderr') => Buffer.concat(texts[name]).toString(encoding);
  const abort = () => stop(() => signal?.reason);
  signal?.addEventListener('abort', abort, { once: true });
  const timer =
    timeoutMs === undefined
      ? undefined
      : setTimeout(() => stop(() => programTimeout(argv, timeoutMs, text('stderr'))), Math.max(1, timeoutMs));
  let letGo: NodeJS.Timeout | undefined;
  child.once('exit', () => {
    letGo = setTimeout(() => {
      child.stdout?.destroy();
      child.stderr?.destroy();
    }, PIPES_AFTER_EXIT_MS);
  });
  const clear = () => {
    clearTimeout(timer);
    clearTimeout(letGo);
    signal?.removeEventListener('abort', abort);
  };
  child.once('error', (error: NodeJS.ErrnoException) => {
    clear();
    // spawn(3) says ENOENT for a missing folder, too.
    reject(
      cwd && !existsSync(cwd)
        ? folderMissing(program, cwd)
        : programMissing(program, entryOf(START_FAILURES, error.code ?? '') ?? error.message, error),
    );
  });
  child.once('close', (code, by) => {
    clear();
    if (stopped) return reject(stopped());
    resolve({ exitCode: code ?? signalCode(by ?? ''), stdout: text('stdout'), stderr: text('stderr') });
  });
  return promise;
}
