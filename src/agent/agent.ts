import type { Host } from '../host/host.ts';

/** What the agent touches of the machine. */
export type AgentHost = Pick<
  Host,
  'files' | 'openRaw' | 'exec' | 'openProgram' | 'http' | 'sockets' | 'clock' | 'console' | 'ntp' | 'tpm'
>;

/** What asking a server for the bundle, and applying what needs no reboot, came to. */
export interface Refreshed {
  /** `applied`: another bundle is in force, or something is as it should be again; `none`: the server has no settings for machines. */
  readonly state: 'unchanged' | 'none' | 'applied' | 'refused' | 'unreachable';
  /** Paths that were written, replaced or removed. */
  readonly applied: readonly string[];
  /** Settings, or mount points, that take effect at the next boot only. */
  readonly needsReboot: readonly string[];
  /** Paths that somebody edited by hand, and that were left as they are. */
  readonly keptLocal: readonly string[];
  readonly reason?: string;
}

/** What renewing the machine's certificates and secrets came to. */
export interface Renewed {
  /** `none`: there is no certificate, and nothing is asked for. */
  readonly state: 'current' | 'none' | 'renewed' | 'unreachable' | 'refused';
  /** When to come again, Unix ms. */
  readonly nextAtMs: number;
  readonly reason?: string;
}

/** Asks `server` for the bundle and applies what can be applied without a reboot. Never throws for what a server or a bundle does wrong: it tells. */
export type Refresh = (host: AgentHost, server: string, signal: AbortSignal) => Promise<Refreshed>;

/** Renews what is due, asking `servers` in turn. */
export type Renew = (host: AgentHost, servers: readonly string[], signal: AbortSignal) => Promise<Renewed>;
