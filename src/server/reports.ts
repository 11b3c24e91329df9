import { z } from 'zod';
import { reasonOf, StatectlError } from '../error.ts';
import { type ImageName, isPlainName, writeImageName } from './image-name.ts';
import { type Machine, machineFromQuery } from './machine.ts';
import { reportPath, reportsPath, type Store } from './store.ts';

/** So many reports of each machine are kept, the newest first. */
export const KEPT_REPORTS = 20;
/** Anybody on the network may report: these bound what they can fill. */
const LARGEST_FILE_BYTES = 1024 * 1024;
const MOST_MACHINES = 10_000;

const ReportSchema = z.looseObject({
  /** Of this report: the same one that comes again is kept once. */
  id: z.string().min(1).max(100).optional(),
  /** What it booted: NAME with `version` beside it, or NAME@VERSION. */
  image: z.string().max(300).optional(),
  version: z.string().max(200).optional(),
});

export type Report = z.infer<typeof ReportSchema>;

const FileSchema = z.object({
  reports: z.array(z.object({ receivedAt: z.string(), remote: z.string(), report: z.looseObject({}) })),
});

type ReportFile = z.infer<typeof FileSchema>;

/** Throws `report-invalid`. */
export function parseReport(value: unknown): Report {
  const parsed = ReportSchema.safeParse(value);
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

async function readReports(store: Store, id: string): Promise<ReportFile> {
  const path = reportPath(store, id);
  try {
    if ((await store.host.files.stat(path)) === undefined) return { reports: [] };
    return FileSchema.parse(JSON.parse(await store.host.files.readText(path)));
  } catch (cause) {
    throw new StatectlError('reports-invalid', `${path} cannot be read: ${reasonOf(cause)}`, {
      cause,
      hint: 'remove that file: the next report makes a new one',
    });
  }
}

const idsOf = async (store: Store): Promise<readonly string[]> =>
  (await store.host.files.list(reportsPath(store)))
    .filter((entry) => /^[0-9a-f-]+\.json$/.test(entry))
    .map((entry) => entry.slice(0, -'.json'.length));

function newestThatFit(reports: ReportFile['reports']): ReportFile['reports'] {
  let bytes = 0;
  const overflow = reports.findIndex((entry) => {
    bytes += Buffer.byteLength(JSON.stringify(entry));
    return bytes > LARGEST_FILE_BYTES;
  });
  return reports.slice(0, Math.min(KEPT_REPORTS, overflow === -1 ? reports.length : Math.max(overflow, 1)));
}

/** Keeps a report as the newest of its machine, unless it is there already. Throws `reports-full` for yet another machine when there are too many. */
export async function keepReport(store: Store, report: Report, remote: string): Promise<string> {
  const id = machineIdOf(report);
  // A damaged file must not keep a machine from reporting ever again.
  const old = await readReports(store, id).catch(() => ({ reports: [] }));
  if (report.id !== undefined && old.reports.some((kept) => kept.report.id === report.id)) return id;
  if (old.reports.length === 0 && (await idsOf(store)).length >= MOST_MACHINES)
    throw new StatectlError('reports-full', `${MOST_MACHINES} machines have reported already`, {
      hint: `remove old files from ${reportsPath(store)}`,
    });
  const entry = { receivedAt: new Date(store.host.clock.now()).toISOString(), remote, report };
  const file: ReportFile = { reports: newestThatFit([entry, ...old.reports]) };
  await store.host.files.write(reportPath(store, id), `${JSON.stringify(file)}\n`, { mode: 0o600 });
  return id;
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
  for (const id of await idsOf(store)) {
    const booted = imageOf((await readReports(store, id)).reports[0]?.report ?? {});
    if (booted === undefined) continue;
    const name = writeImageName(booted);
    machines.set(name, [...(machines.get(name) ?? []), id]);
  }
  return machines;
}

/** What each machine told last, by its MAC address with colons, or its UUID. */
export async function lastReports(store: Store): Promise<ReadonlyMap<string, LastReport>> {
  const last = new Map<string, LastReport>();
  for (const id of await idsOf(store)) {
    const newest = (await readReports(store, id)).reports[0];
    if (!newest) continue;
    const { config, bootMs } = newest.report as {
      config?: { digest?: unknown; origin?: unknown; node?: unknown };
      bootMs?: unknown;
    };
    const image = imageOf(newest.report);
    last.set(/^([0-9a-f]{2}-){5}/.test(id) ? id.replaceAll('-', ':') : id, {
      receivedAt: newest.receivedAt,
      remote: newest.remote,
      machine: claimsIn(newest.report),
      ...(image && { image: writeImageName(image) }),
      ...(isDigest(config?.digest) && { configDigest: config.digest }),
      ...(typeof config?.origin === 'string' && { configOrigin: config.origin }),
      ...(isNodeName(config?.node) && { node: config.node }),
      ...(typeof bootMs === 'number' && { bootMs }),
    });
  }
  return last;
}

const isNodeName = (value: unknown): value is string =>
  typeof value === 'string' && /^[A-Za-z0-9][A-Za-z0-9._-]{0,252}$/.test(value);
const isDigest = (value: unknown): value is string => typeof value === 'string' && /^[0-9a-f]{64}$/.test(value);

/** What it says of itself, as when it asks for an image. A report that was kept is read, whatever is in it. */
const claimsIn = (report: Readonly<Record<string, unknown>>): Machine =>
  machineFromQuery(Object.fromEntries(Object.entries(report).filter(([, value]) => typeof value === 'string')));

export interface LastReport {
  readonly machine: Machine;
  /** The node that it was told to be. */
  readonly node?: string;
  readonly receivedAt: string;
  /** Address that it came from. */
  readonly remote: string;
  /** NAME@VERSION */
  readonly image?: string;
  /** Of the settings and files that it runs with; compare with `nodeContent`. */
  readonly configDigest?: string;
  readonly configOrigin?: string;
  readonly bootMs?: number;
}
