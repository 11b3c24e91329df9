import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { StatectlError } from '../../../error.ts';
import type { Host, OpenProgram, OpenPrograms } from '../../../host/host.ts';

/** Where, and how, as ssh(1) takes it. */
export interface FarTarget {
  /** `pi@voron`, or an alias of ssh_config(5). */
  readonly destination: string;
  readonly port?: number;
  readonly identityFile?: string;
  readonly options: readonly string[];
  /** Nobody is there who could answer a question. */
  readonly isBatch: boolean;
}

/** Programs and files of this machine that a connection needs. */
export type FarMeans = Pick<Host, 'files' | 'clock'> & { readonly open: OpenPrograms };

/** A host that is read over SSH. All that runs there are scripts of sh, which come by standard input. */
export interface FarHost extends AsyncDisposable {
  readonly destination: string;
  /**
   * What a script prints, chunk by chunk, and its end: a status that is not among `good` is an error, told once all was read.
   * Throws `adopt-cut`, `adopt-failed`.
   */
  run(script: string, options?: RunLimits): AsyncIterable<Uint8Array>;
  /** The same, whole. Throws `adopt-too-much`. */
  read(script: string, mostBytes: number, options?: RunLimits): Promise<Buffer>;
}

interface RunLimits {
  /** Default: 0 alone. */
  readonly good?: readonly number[];
}

/** ssh's own. */
const SSH_FAILED = 255;
/** A host that says nothing for so long says nothing more: a disk of it hangs, or somebody plays. */
const SILENT_MS = 90_000;
const CONNECT_SECONDS = 20;
/** What a shell prints before anything of ours runs. */
const MOST_GREETING = 64 << 10;

/**
 * Connects, by ssh(1) with the person's own configuration, keys, agent and known hosts: one connection, which everything else
 * goes through, so a password is asked for once. It ends with this process. Throws `adopt-unreachable`, `adopt-refused`.
 */
export async function connectFar(means: FarMeans, target: FarTarget, folder: string): Promise<FarHost> {
  // ssh puts its random name behind it while it begins, and a socket's path has 107 bytes.
  const socket = join(folder, 's');
  const mark = randomBytes(12).toString('hex');
  const master = await means.open(sshArgv(target, ['-M', '-S', socket], `echo ${mark}; exec cat`), 'kept open');
  const chunks = master.output[Symbol.asyncIterator]();
  try {
    await afterMark(silenceBound(means, chunks), `${mark}\n`);
  } catch (error) {
    await master[Symbol.asyncDispose]();
    const { stderr } = await master.ended;
    throw notConnected(target, stderr, error);
  }
  const start = (script: string): Promise<{ readonly program: OpenProgram; readonly mark: string }> => {
    const own = randomBytes(12).toString('hex');
    return means
      .open(
        sshArgv(target, ['-S', socket, '-o', 'ControlMaster=no'], 'exec /bin/sh -s'),
        `LC_ALL=C; export LC_ALL; echo ${own}\n${script}\n`,
      )
      .then((program) => ({ program, mark: `${own}\n` }));
  };
  async function* run(script: string, { good = [0] }: RunLimits = {}): AsyncIterable<Uint8Array> {
    const { program, mark: own } = await start(script);
    await using _ended = program;
    const rest = silenceBound(means, program.output[Symbol.asyncIterator]());
    const first = await afterMark(rest, own).catch(async (error: unknown) => {
      if (error instanceof StatectlError) throw error;
      throw cutOff(target, (await program.ended).stderr);
    });
    if (first.length > 0) yield first;
    for (let next = await rest(); next !== undefined; next = await rest()) yield next;
    const { exitCode, stderr } = await program.ended;
    if (exitCode === SSH_FAILED) throw cutOff(target, stderr);
    if (good.includes(exitCode)) return;
    throw new StatectlError('adopt-failed', `${target.destination}: ${lastOf(stderr) ?? `status ${exitCode}`}`, {
      hint: 'nothing was changed there; run it again when that is seen to',
    });
  }
  return {
    destination: target.destination,
    run,
    async read(script, mostBytes, options) {
      const parts: Uint8Array[] = [];
      let bytes = 0;
      for await (const chunk of run(script, options)) {
        parts.push(chunk);
        bytes += chunk.length;
        if (bytes > mostBytes)
          throw new StatectlError('adopt-too-much', `${target.destination} says more than ${mostBytes} bytes`, {
            hint: 'is it the host that you mean?',
          });
      }
      return Buffer.concat(parts);
    },
    async [Symbol.asyncDispose]() {
      await master[Symbol.asyncDispose]();
    },
  };
}

/** ssh(1): of two values the first counts, so ours stand after the person's. Pure. */
export function sshArgv(target: FarTarget, more: readonly string[], command: string): readonly string[] {
  const { destination, port, identityFile, options, isBatch } = target;
  const settings = [
    ...options,
    ...(isBatch ? ['BatchMode=yes'] : []),
    `ConnectTimeout=${CONNECT_SECONDS}`,
    'ServerAliveInterval=10',
    'ServerAliveCountMax=3',
    'LogLevel=ERROR',
    'ForwardAgent=no',
    'ForwardX11=no',
    'ClearAllForwardings=yes',
    'ControlPersist=no',
    'RequestTTY=no',
    'RemoteCommand=none',
  ];
  return [
    'ssh',
    ...more,
    ...settings.flatMap((setting) => ['-o', setting]),
    ...(port === undefined ? [] : ['-p', String(port)]),
    ...(identityFile === undefined ? [] : ['-i', identityFile]),
    ...['--', destination, command],
  ];
}

type Next = () => Promise<Uint8Array | undefined>;

/** Chunks, each of which comes in time. Throws `adopt-cut`. */
function silenceBound({ clock }: Pick<Host, 'clock'>, chunks: AsyncIterator<Uint8Array>): Next {
  return async () => {
    const done = new AbortController();
    const silence = clock.sleep(SILENT_MS, done.signal).then(
      () => 'silent' as const,
      () => 'silent' as const,
    );
    const next = await Promise.race([chunks.next(), silence]);
    if (next === 'silent')
      throw new StatectlError('adopt-cut', `the host said nothing for ${SILENT_MS / 1000} s`, { hint: GO_ON });
    done.abort();
    return next.done ? undefined : next.value;
  };
}

/** What follows a line of ours: before it is what the login of the person prints. */
async function afterMark(next: Next, mark: string): Promise<Buffer> {
  let before = Buffer.alloc(0);
  for (;;) {
    const chunk = await next();
    if (chunk === undefined) throw new Error('it ended before it began');
    before = Buffer.concat([before, chunk]);
    const at = before.indexOf(mark);
    if (at >= 0) return before.subarray(at + mark.length);
    if (before.length > MOST_GREETING)
      throw new StatectlError('adopt-refused', 'its login prints without end, and runs nothing', {
        hint: 'is the shell of that account sh, bash, or another that runs commands?',
      });
  }
}

const GO_ON = 'nothing was changed there, and nothing half counts here: run it again, and it goes on where it was';

const cutOff = ({ destination }: FarTarget, stderr: string): StatectlError =>
  new StatectlError('adopt-cut', `the connection to ${destination} broke off${said(stderr)}`, { hint: GO_ON });

const said = (stderr: string): string => {
  const last = lastOf(stderr);
  return last === undefined ? '' : `: ${last}`;
};

function notConnected({ destination, isBatch }: FarTarget, stderr: string, cause: unknown): StatectlError {
  if (cause instanceof StatectlError) return cause;
  const why = lastOf(stderr) ?? 'it ended before anything ran';
  if (/host key verification failed|host key is known|identification has changed/i.test(stderr))
    return new StatectlError('adopt-refused', `${destination}: its host key is not the one that you know: ${why}`, {
      hint: `\`ssh ${destination}\` shows it, and asks; compare it at the host itself`,
    });
  if (/permission denied|too many authentication failures/i.test(stderr))
    return new StatectlError('adopt-refused', `${destination} lets nobody in: ${why}`, {
      hint: isBatch
        ? 'there is no terminal to ask a password at: use a key that the agent has, or --identity'
        : `what does \`ssh ${destination}\` say?`,
    });
  return new StatectlError('adopt-unreachable', `${destination} cannot be reached: ${why}`, {
    hint: `is it on, and is its sshd? \`ssh ${destination} true\` has to work`,
  });
}

const lastOf = (text: string): string | undefined =>
  text
    .split(/\r?\n/)
    .findLast((line) => line.trim() !== '')
    ?.trim();
