import type { Host, HttpRequest, Level, RunOptions, Sockets, Tpm } from './host.ts';
import { memoryClock } from './memory/clock.ts';
import { memoryExec, type Programs } from './memory/exec.ts';
import { type FileEffect, memoryFiles } from './memory/files.ts';
import { memoryHttp, type Servers } from './memory/http.ts';
import { memoryNtp, type TimeServers } from './memory/ntp.ts';
import { memoryOpenProgram } from './memory/open-program.ts';
import { memoryOpenRaw } from './memory/raw-file.ts';
import { plant, type Seed } from './memory/seed.ts';
import { NO_SOCKETS } from './memory/sockets.ts';
import { makeInode } from './memory/tree.ts';

export interface MemoryHostOptions {
  /** By absolute path; folders above are made. */
  readonly files?: Readonly<Record<string, Seed>>;
  readonly programs?: Programs;
  readonly servers?: Servers;
  readonly timeServers?: TimeServers;
  /** Default: nothing listens. */
  readonly sockets?: Sockets;
  /** Default: none. */
  readonly tpm?: Tpm;
  /** Wall clock at the start, ms since 1970; the default is 2026-11-20, noon UTC. */
  readonly startMs?: number;
  /** Room for all files together, default endless. */
  readonly capacityBytes?: number;
}

/** One thing that was asked of the machine, in order. Reads of files are not kept. */
export type Call =
  | ({ readonly kind: 'file' } & FileEffect)
  | { readonly kind: 'run'; readonly argv: readonly string[]; readonly options: RunOptions }
  | { readonly kind: 'request'; readonly url: URL; readonly request: HttpRequest };

export interface MemoryHost extends Host {
  readonly calls: readonly Call[];
  /** The programs that were run, one line each, arguments joined by blanks. */
  readonly commands: readonly string[];
  /** What the console was told. */
  readonly lines: readonly { readonly level: Level; readonly text: string }[];
}

const NO_TPM: Tpm = { open: async () => undefined };

/** A machine made of values: nothing outside the process is touched, and hours take milliseconds. */
export function memoryHost(options: MemoryHostOptions = {}): MemoryHost {
  const {
    files = {},
    programs = {},
    servers = {},
    timeServers = {},
    capacityBytes = Number.POSITIVE_INFINITY,
  } = options;
  const calls: Call[] = [];
  const lines: { level: Level; text: string }[] = [];
  const clock = memoryClock(options.startMs ?? Date.UTC(2026, 10, 20, 12));
  const root = makeInode('dir', { mtimeMs: clock.now() });
  for (const [path, seed] of Object.entries(files)) plant(root, path, seed, clock.now());
  const exec = memoryExec(programs, clock, (argv, run) => calls.push({ kind: 'run', argv, options: run }));
  return {
    files: memoryFiles({ root, clock, capacityBytes, record: (effect) => calls.push({ kind: 'file', ...effect }) }),
    openRaw: memoryOpenRaw(root),
    exec,
    openProgram: memoryOpenProgram(exec),
    http: memoryHttp(servers, clock, (url, request) => calls.push({ kind: 'request', url, request })),
    sockets: options.sockets ?? NO_SOCKETS,
    ntp: memoryNtp(timeServers),
    tpm: options.tpm ?? NO_TPM,
    clock,
    console: { line: (level, text) => lines.push({ level, text }) },
    calls,
    lines,
    get commands() {
      return calls.flatMap((call) => (call.kind === 'run' ? [call.argv.join(' ')] : []));
    },
  };
}
