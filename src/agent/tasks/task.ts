import type { BootRecord } from '../../machine/boot-record.ts';
import type { Facts } from '../../machine/facts/facts.ts';
import type { AgentHost, Refresh, Renew } from '../agent.ts';
import type { AgentState, AgentStateFile } from '../agent-state.ts';
import type { Prints } from '../printers/prints.ts';
import type { AgentReports } from '../reports/agent-reports.ts';
import type { Bell } from '../servers/bell.ts';
import type { SettingsHolder } from '../servers/server-settings.ts';

/** What the tasks of one agent share. */
export interface Agent {
  readonly host: AgentHost;
  readonly facts: Facts;
  readonly record: BootRecord;
  /** What is in force by now. */
  readonly held: SettingsHolder;
  /** What the agent is at, as `statectl status` and the agent after it read it. */
  readonly file: AgentStateFile;
  /** What the agent before this one left. */
  readonly before: AgentState | undefined;
  readonly reports: AgentReports;
  /** Which printers print. */
  readonly prints: Prints;
  /** Each wakes a task that waits for its time. */
  readonly bells: { readonly [Name in 'events' | 'bundle' | 'certificate' | 'reports']: Bell };
  /** Whom to ask: the server that the machine is at, or else all that it knows. */
  readonly servers: () => readonly string[];
  readonly refresh: Refresh;
  readonly renew: Renew;
}

/** One thing that the agent does until its end. */
export interface AgentTask {
  /** For the log. */
  readonly name: string;
  /** Never ends by itself; what it throws is told, and it begins anew a minute later. */
  readonly run: (agent: Agent, signal: AbortSignal) => Promise<never>;
  /** What `statectl status` says of it: labels and texts. Pure. */
  readonly status: (state: AgentState) => readonly (readonly [label: string, text: string])[];
}

/** A time for people, UTC. */
export const shownTime = (ms: number): string => new Date(ms).toISOString().slice(0, 19).replace('T', ' ');
