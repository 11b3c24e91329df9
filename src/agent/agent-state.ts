import type { Host } from '../host/host.ts';
import { parseRecord } from '../host/record.ts';
import type { Lock } from '../machine/locks/lock.ts';
import type { CanStatus } from '../machine/network/can-state.ts';
import { RUN } from '../machine/paths.ts';
import type { Refreshed, Renewed } from './agent.ts';
import type { HealthStatus } from './health/health-status.ts';
import type { PrinterState } from './printers/printer-state.ts';
import type { QueueStatus } from './reports/report-queue.ts';
import type { Connection } from './servers/keep-connected.ts';
import type { PrinterStatus } from './state/item-status.ts';

const AGENT_STATE = `${RUN}/agent.json`;

/** What the agent is at, for `statectl status`, for tests and for the agent after it. Times are Unix ms. */
export interface AgentState {
  readonly pid: number;
  readonly startedMs: number;
  readonly connection: Connection;
  readonly lastEvent?: { readonly event: string; readonly server: string; readonly atMs: number };
  /** When it was last asked what this machine is to be. */
  readonly refreshed?: Refreshed & { readonly server?: string; readonly atMs: number };
  readonly renewed?: Renewed & { readonly atMs: number };
  readonly queue?: QueueStatus;
  /** How the state of each printer stands to its server. */
  readonly printers?: Readonly<Partial<Record<string, PrinterStatus>>>;
  /** By name, what the printers of this machine are at. */
  readonly prints?: Readonly<Record<string, PrinterState>>;
  /** By name, the CAN interfaces of this machine. */
  readonly can?: Readonly<Record<string, CanStatus>>;
  /** What must not be disturbed now. */
  readonly locks?: readonly Lock[];
  /** Whether the start of this system counts as good. */
  readonly health?: HealthStatus;
}

export interface AgentStateFile {
  readonly state: AgentState;
  /** Whoever changes the state several times in a row waits for one write. */
  change(changes: Partial<AgentState>): Promise<void>;
}

/** Keeps the state, and writes each change of it. A full /run is told once, and stops nothing. */
export function agentStateFile({ files, console }: Pick<Host, 'files' | 'console'>, first: AgentState): AgentStateFile {
  let state = first;
  let writing: Promise<void> | undefined;
  let isTold = false;
  const write = async (): Promise<void> => {
    for (let written: AgentState | undefined; written !== state; ) {
      written = state;
      await files.write(AGENT_STATE, `${JSON.stringify(written, null, 1)}\n`).catch((error: Error) => {
        if (!isTold) console.line('warning', `${AGENT_STATE} cannot be written: ${error.message}`);
        isTold = true;
      });
    }
  };
  return {
    get state() {
      return state;
    },
    change(changes) {
      state = { ...state, ...changes };
      writing ??= write().finally(() => {
        writing = undefined;
      });
      return writing;
    },
  };
}

/** What the last agent of this boot left; undefined when none ever ran. */
export async function readAgentState({
  files,
}: Pick<Host, 'files'>): Promise<(AgentState & { readonly runs: boolean }) | undefined> {
  try {
    const state = parseRecord<AgentState>(await files.readText(AGENT_STATE), { pid: 'number', connection: 'mapping' });
    const commandLine = await files.readText(`/proc/${state.pid}/cmdline`).catch(() => '');
    return { ...state, runs: commandLine.split('\0').includes('agent') };
  } catch {
    return undefined;
  }
}
