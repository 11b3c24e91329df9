import { z } from 'zod';
import { IN_WORDS, parseInWords } from '../../config/settings/schema-words.ts';
import { reasonOf, StatectlError } from '../../error.ts';
import type { Claims } from '../../protocol/claims.ts';
import { Report, ReportedBoards, ReportedHealth, ReportedSlots } from '../../protocol/report.ts';
import { type ImageName, isPlainName, writeImageName } from '../images/image-name.ts';
import { machineFromQuery } from '../machine.ts';
import { nodeReportPath, reportPath, reportsPath, type Store } from '../store/store.ts';
import { keepDisks } from './kept-disks.ts';

/** So many reports of each machine are kept, the newest first. */
export const KEPT_REPORTS = 20;
/** And so many bytes: anybody on the network may report. */
const LARGEST_FILE_BYTES = 64 * 1024;

const FileSchema = z.object({
  reports: z.array(
    z.object({
      receivedAt: z.string(),
      remote: z.string(),
      /** Of the key that was shown. */
      digest: z.string().optional(),
      report: z.looseObject({}),
    }),
  ),
});

/** Who a machine proved to be when it reported. */
export interface Proven {
  readonly node: string;
  /** Of its key. */
  readonly digest: string;
}

type ReportFile = z.infer<typeof FileSchema>;

/** No report of ours has more than five. One of thousands, beside a field `toJSON`, cannot be written as JSON again. */
const MOST_LEVELS = 32;
const isDeeper = (value: unknown, levels: number): boolean =>
  typeof value === 'object' &&
  value !== null &&
  (levels === 0 || Object.values(value).some((inner) => isDeeper(inner, levels - 1)));

/** Throws `report-invalid`. */
export function parseReport(value: unknown): Report {
  if (isDeeper(value, MOST_LEVELS))
    throw new StatectlError('report-invalid', `the report is nested in more than ${MOST_LEVELS} levels`);
  const parsed = Report.safeParse(value, IN_WORDS);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const where = issue?.path.join('.') || 'the report';
  throw new StatectlError('report-invalid', `${where}: ${issue?.message ?? 'not valid'}`);
}

/** The machine's file name: its MAC with hyphens, or its UUID. Throws `report-invalid` where it tells neither. */
export function machineIdOf(report: Report): string {
  const { mac, uuid } = machineFromQuery(report);
  const id = mac?.replaceAll(':', '-') ?? uuid;
  if (id === undefined) throw new StatectlError('report-invalid', 'it names neither mac nor uuid');
  return id;
}

async function readReports(store: Store, path: string): Promise<ReportFile> {
  try {
    if ((await store.host.files.stat(path)) === undefined) return { reports: [] };
    return parseInWords(FileSchema, JSON.parse(await store.host.files.readText(path)));
  } catch (cause) {
    throw new StatectlError('reports-invalid', `${path} cannot be read: ${reasonOf(cause)}`, {
      cause,
      hint: 'remove that file: the next report makes a new one',
    });
  }
}

/** By what comes before the ending: machines that anybody told of, or nodes that told it themselves. */
const namesOf = async (store: Store, pattern: RegExp): Promise<readonly string[]> =>
  (await store.host.files.list(reportsPath(store))).flatMap((entry) => pattern.exec(entry)?.[1] ?? []);
const idsOf = (store: Store) => namesOf(store, /^([0-9a-f-]+)\.json$/);
const nodesOf = (store: Store) => namesOf(store, /^(.+)\.node\.json$/);

function newestThatFit(reports: ReportFile['reports']): ReportFile['reports'] {
  let bytes = 0;
  const overflow = reports.findIndex((entry) => {
    bytes += Buffer.byteLength(JSON.stringify(entry));
    return bytes > LARGEST_FILE_BYTES;
  });
  return reports.slice(0, Math.min(KEPT_REPORTS, overflow === -1 ? reports.length : Math.max(overflow, 1)));
}

/**
 * Writes a report as the newest of its machine, unless it is there already; gives the bytes of all that are kept of it. Two at
 * once must not be of one machine. What nobody proved is a claim: it decides nothing but what `image remove` refuses.
 */
export async function keepReport(store: Store, report: Report, remote: string, proven?: Proven): Promise<number> {
  const path = proven ? nodeReportPath(store, proven.node) : reportPath(store, machineIdOf(report));
  // A damaged file must not keep a machine from reporting ever again.
  const old = await readReports(store, path).catch(() => ({ reports: [] }));
  if (report.id !== undefined && old.reports.some((kept) => kept.report.id === report.id))
    return (await store.host.files.stat(path))?.sizeBytes ?? 0;
  const receivedAt = new Date(store.host.clock.now()).toISOString();
  const entry = { receivedAt, remote, ...(proven && { digest: proven.digest }), report };
  const file: ReportFile = { reports: newestThatFit([entry, ...old.reports]) };
  const text = `${JSON.stringify(file)}\n`;
  await store.host.files.write(path, text, { mode: 0o600 });
  if (proven) await keepDisks(store, proven.node, report);
  return Buffer.byteLength(text);
}

/** What anybody told is kept of each machine, and from where the last of it came; who told nothing for the longest time first. */
export async function reportSizes(
  store: Store,
): Promise<readonly { readonly id: string; readonly remote: string; readonly bytes: number }[]> {
  const found = [];
  for (const id of await idsOf(store)) {
    const path = reportPath(store, id);
    const stat = await store.host.files.stat(path);
    const { reports } = await readReports(store, path).catch(() => ({ reports: [] }));
    if (stat) found.push({ id, remote: reports[0]?.remote ?? '', bytes: stat.sizeBytes, atMs: stat.mtimeMs });
  }
  return found.toSorted((a, b) => a.atMs - b.atMs);
}

/** What is no such name was booted from no server's image. */
function imageOf(report: Readonly<Record<string, unknown>>): ImageName | undefined {
  const { image, version } = report;
  if (typeof image !== 'string') return undefined;
  const [name = '', inName, ...more] = image.split('@');
  const said = inName ?? version;
  const isImage = typeof said === 'string' && more.length === 0 && isPlainName(name) && isPlainName(said);
  return isImage ? { name, version: said } : undefined;
}

/** From NAME@VERSION to the machines whose last report says that they booted it. */
export async function bootedImages(store: Store): Promise<ReadonlyMap<string, readonly string[]>> {
  const machines = new Map<string, string[]>();
  const add = async (name: string, path: string): Promise<void> => {
    const booted = imageOf((await readReports(store, path)).reports[0]?.report ?? {});
    if (booted === undefined) return;
    const image = writeImageName(booted);
    machines.set(image, [...(machines.get(image) ?? []), name]);
  };
  for (const id of await idsOf(store)) await add(id, reportPath(store, id));
  for (const node of await nodesOf(store)) await add(node, nodeReportPath(store, node));
  return machines;
}

/**
 * What each machine told last, by its MAC address with colons, or its UUID; by `node NAME` what a machine told that showed its
 * certificate. Of a key that counts no more, as `counts` says, only its claims are left.
 */
export async function lastReports(
  store: Store,
  counts: (proven: Proven) => boolean = () => true,
): Promise<ReadonlyMap<string, LastReport>> {
  const last = new Map<string, LastReport>();
  for (const id of await idsOf(store)) {
    const { reports } = await readReports(store, reportPath(store, id));
    const [newest] = reports;
    if (newest) last.set(/^([0-9a-f]{2}-){5}/.test(id) ? id.replaceAll('-', ':') : id, lastReportOf(newest, reports));
  }
  for (const node of await nodesOf(store)) {
    const { reports } = await readReports(store, nodeReportPath(store, node));
    const [newest] = reports;
    if (newest?.digest === undefined || !counts({ node, digest: newest.digest })) continue;
    last.set(`node ${node}`, { ...lastReportOf(newest, reports), node, isProven: true });
  }
  return last;
}

const isNodeName = (value: unknown): value is string =>
  typeof value === 'string' && /^[A-Za-z0-9][A-Za-z0-9._-]{0,252}$/.test(value);
const isDigest = (value: unknown): value is string => typeof value === 'string' && /^[0-9a-f]{64}$/.test(value);

/** What it says of itself, as when it asks for an image. A report that was kept is read, whatever is in it. */
const claimsIn = (report: Readonly<Record<string, unknown>>): Claims =>
  machineFromQuery(Object.fromEntries(Object.entries(report).filter(([, value]) => typeof value === 'string')));

/** A boot tells nothing of boards, nor does a printer that is switched off: what was told last is what is known. */
function boardsIn(reports: ReportFile['reports']): ReportedBoards | undefined {
  for (const { report } of reports) {
    const boards = ReportedBoards.safeParse(report.boards);
    if (boards.success) return boards.data;
  }
  return undefined;
}

/** A boot tells nothing of them: what the agent told last is what is known. */
function slotsIn(reports: ReportFile['reports']): ReportedSlots | undefined {
  for (const { report } of reports) {
    const slots = ReportedSlots.safeParse(report.slots);
    if (slots.success) return slots.data;
  }
  return undefined;
}

function lastReportOf(
  { receivedAt, remote, report }: ReportFile['reports'][number],
  reports: ReportFile['reports'],
): LastReport {
  const { config, bootMs } = report as {
    config?: { digest?: unknown; origin?: unknown; node?: unknown };
    bootMs?: unknown;
  };
  const image = imageOf(report);
  const boards = boardsIn(reports);
  // Of this boot alone: the next one says nothing of it until it knows.
  const health = ReportedHealth.safeParse(report.health);
  const slots = slotsIn(reports);
  return {
    receivedAt,
    remote,
    machine: claimsIn(report),
    ...(image && { image: writeImageName(image) }),
    ...(isDigest(config?.digest) && { configDigest: config.digest }),
    ...(typeof config?.origin === 'string' && { configOrigin: config.origin }),
    ...(isNodeName(config?.node) && { node: config.node }),
    ...(typeof bootMs === 'number' && { bootMs }),
    ...(boards && { boards }),
    ...(health.success && { health: health.data }),
    ...(slots && { slots }),
  };
}

export interface LastReport {
  readonly machine: Claims;
  /** The node that it was told to be; of a proven one, that it is. */
  readonly node?: string;
  /** It came with the node's certificate. */
  readonly isProven?: true;
  readonly receivedAt: string;
  /** Address that it came from. */
  readonly remote: string;
  /** NAME@VERSION */
  readonly image?: string;
  /** Of the settings and files that it runs with; compare with `nodeContent`. */
  readonly configDigest?: string;
  readonly configOrigin?: string;
  readonly bootMs?: number;
  readonly boards?: ReportedBoards;
  readonly health?: ReportedHealth;
  readonly slots?: ReportedSlots;
}
