import { machineClaims } from '../../fetch/machine-claims.ts';
import { backOffMs } from '../../host/back-off.ts';
import type { BootRecord } from '../../machine/boot-record.ts';
import { reportedDisks } from '../../machine/disks/reported-disks.ts';
import type { Facts } from '../../machine/facts/facts.ts';
import { IDENTITY } from '../../machine/identity/identity.ts';
import type { ReportedHealth, ReportedSlots } from '../../protocol/report.ts';
import { SLOTS } from '../../slots/cycle-state.ts';
import type { AgentHost } from '../agent.ts';
import type { AgentState, AgentStateFile } from '../agent-state.ts';
import type { Bell } from '../servers/bell.ts';
import type { SettingsInForce } from '../servers/server-settings.ts';
import { type SlotsStatus, slotsStatus } from '../slots-status.ts';
import { postReport } from './post-report.ts';
import type { QueuedReport, ReportQueue } from './report-queue.ts';

export interface AgentReportOptions {
  readonly record: BootRecord;
  readonly facts: Facts;
  readonly queue: ReportQueue;
  readonly settings: () => SettingsInForce;
  readonly servers: () => readonly string[];
  readonly bell: Bell;
  readonly file: AgentStateFile;
}

export interface AgentReports {
  /** The boot, once: its own report may have found no server. */
  tellStarted(): Promise<void>;
  /** Something that changed. */
  tell(what: string, about: object): void;
  keepSending(signal: AbortSignal): Promise<never>;
}

const BOOT_ID = '/proc/sys/kernel/random/boot_id';
const WAITS = { baseMs: 4_000, maxMs: 10 * 60_000 };

/** A server takes 16 KiB of a report. What is told here may name every file of a bundle. */
const MOST_ABOUT_BYTES = 8 * 1024;
const LONGEST_TEXT = 1_000;
/** Of whose boards each report tells. */
const MOST_PRINTERS = 8;

/** Cuts texts, and lists after as many as fit, with how many are left out. Pure. */
function briefly(about: object): Readonly<Record<string, unknown>> {
  const cut = Object.entries(about).map(([key, value]) => [key, shortText(value)] as const);
  const share = Math.floor(MOST_ABOUT_BYTES / Math.max(1, cut.length));
  return Object.fromEntries(
    cut.flatMap(([key, value]) => {
      if (Buffer.byteLength(JSON.stringify(value) ?? '') <= share) return [[key, value]];
      return [[key, Array.isArray(value) ? firstOf(value, share) : 'too long to be told here']];
    }),
  );
}

function shortText(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(shortText);
  return typeof value === 'string' && value.length > LONGEST_TEXT ? `${value.slice(0, LONGEST_TEXT)}…` : value;
}

function firstOf(list: readonly unknown[], mostBytes: number): readonly unknown[] {
  let bytes = 64;
  const fitting = list.findIndex((value) => {
    bytes += Buffer.byteLength(JSON.stringify(value)) + 1;
    return bytes > mostBytes;
  });
  return [...list.slice(0, fitting), `… and ${list.length - fitting} more`];
}

/** What each printer's boards are, for who wants to know before another image comes. Pure. */
function boardsIn(prints: AgentState['prints'] = {}) {
  const boards = Object.entries(prints).flatMap(([name, { board }]) => {
    if (!board) return [];
    const { health, cause, klipper, mcus } = board;
    return [[name, { health, cause, ...(klipper !== undefined && { klipper }), mcus }] as const];
  });
  return boards.length === 0 ? {} : { boards: Object.fromEntries(boards.slice(0, MOST_PRINTERS)) };
}

/** Of which checks each report tells. */
const MOST_CHECKS = 5;
const LONGEST_REASON = 200;

/** How the start of the system went, for who looks at many machines. Pure. */
function healthIn(health: AgentState['health']): { readonly health?: ReportedHealth } {
  if (!health) return {};
  const { gate, atMs, checks, answer } = health;
  const failing = checks.flatMap(({ name, need, why }) =>
    need === 'required' && why !== undefined
      ? [{ check: name.slice(0, LONGEST_REASON), reason: why.slice(0, LONGEST_REASON) }]
      : [],
  );
  return {
    health: {
      ...{ state: gate.state, since: new Date(atMs).toISOString(), failing: failing.slice(0, MOST_CHECKS) },
      ...(answer && { answer: answer.kind }),
    },
  };
}

/** Of how many starts each report tells. */
const MOST_CYCLES = 3;

/** The systems of this machine, and how its last starts ended. Pure. */
function slotsIn(status: SlotsStatus | undefined): { readonly slots?: ReportedSlots } {
  if (!status) return {};
  const systems = SLOTS.flatMap((slot) => {
    const record = status[slot];
    const { name, version } = status.images[slot] ?? {};
    if (!record) return [];
    const { state, healthyCycles, why } = record;
    const image = name === undefined ? {} : { image: `${name}@${version}` };
    return [[slot, { state, healthyCycles, ...image, ...(why !== undefined && { why }) }] as const];
  });
  const past = status.past.slice(-MOST_CYCLES).toReversed();
  return {
    slots: {
      ...(status.last && { booted: status.last }),
      systems: Object.fromEntries(systems),
      past: past.map(({ cycle, slot, verdict, why }) => ({ cycle, slot, verdict, ...(why !== undefined && { why }) })),
    },
  };
}

/** What this machine tells servers: the report of its boot, and with the same fields what changed since. */
export function agentReports(host: AgentHost, options: AgentReportOptions): AgentReports {
  const { clock, console, files } = host;
  const { record, facts, queue, settings, servers, bell, file } = options;
  const claims = machineClaims(facts);
  const disks = reportedDisks(facts.root);
  let putting: Promise<unknown> = Promise.resolve();

  const report = (id: string, what: string, about: object): QueuedReport => {
    const { configDigest, configOrigin, bundle } = settings();
    // What waits for a reboot is not what the machine runs with.
    const isApplied = (file.state.refreshed?.needsReboot ?? []).length === 0;
    const config = {
      digest: isApplied ? configDigest : record.configDigest,
      origin: isApplied ? configOrigin : record.configOrigin,
      ...bundle,
    };
    return {
      id,
      ...claims,
      image: record.image?.name,
      version: record.image?.version,
      kernelRelease: record.kernelRelease,
      bootMs: record.bootMs,
      config,
      ...boardsIn(file.state.prints),
      ...healthIn(file.state.health),
      ...disks,
      agent: { event: what, at: new Date(clock.now()).toISOString(), ...briefly(about) },
    };
  };
  const put = (id: string, what: string, about: object): Promise<void> => {
    const made = report(id, what, about);
    // A machine that says neither could not be told from others.
    if (claims.mac === undefined && claims.uuid === undefined) return Promise.resolve();
    const done = putting.then(async () => {
      // A journal that cannot be read keeps no report back.
      const slots = slotsIn(await slotsStatus(host).catch(() => undefined));
      await queue.put({ ...made, ...slots });
      await file.change({ queue: await queue.status() });
      bell.ring();
    });
    putting = done.catch((error: Error) => console.line('warning', `a report is lost: ${error.message}`));
    return putting.then(() => undefined);
  };
  const proof = () => ({ identity: IDENTITY, authorities: settings().server.authorities ?? [] });
  const chance = () => Math.floor(clock.random() * 2 ** 32).toString(36);

  return {
    async tellStarted() {
      const boot = (await files.readText(BOOT_ID).catch(() => chance())).trim();
      await put(`boot-${boot}`, 'booted', {});
    },
    tell: (what, about) => void put(`${clock.now().toString(36)}-${chance()}`, what, about),
    async keepSending(signal) {
      for (let failures = 0; ; ) {
        const limits = {
          connectTimeoutMs: settings().server.connectMs,
          idleTimeoutMs: settings().server.stallMs,
          signal,
        };
        const tries = failures;
        failures = 0;
        await queue.send(async (each) => {
          // The machine may have moved since the one before.
          const known = servers();
          const server = known[tries % Math.max(1, known.length)];
          const outcome = server === undefined ? 'later' : await postReport(host, server, each, proof(), limits);
          if (outcome === 'later') failures = tries + 1;
          return outcome;
        });
        await file.change({ queue: await queue.status() });
        await bell.wait(failures > 0 ? backOffMs(clock, failures, WAITS) : WAITS.maxMs, signal);
      }
    },
  };
}
