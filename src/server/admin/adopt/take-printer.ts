import { createHash } from 'node:crypto';
import { entryOf } from '../../../entry-of.ts';
import { StatectlError } from '../../../error.ts';
import { isMirrorPath, MIRROR_LIMITS, type MirrorChange, type MirrorFile } from '../../../protocol/state/mirror.ts';
import type { ItemKind, Standing } from '../../../protocol/state/state.ts';
import { VariablesHead } from '../../../protocol/variables/shipment.ts';
import { sha256Of } from '../../../signed/bundle/manifest.ts';
import { writeTar } from '../../../signed/plain-tar.ts';
import type { Asker } from '../../state/asker.ts';
import type { HistoryRefs, HistoryRemark } from '../../state/git/take-history.ts';
import type { NodePrinter } from '../../state/node-printer.ts';
import type { PrinterState } from '../../state/printer-state.ts';
import { fetchFar } from './far-files.ts';
import type { FarHost } from './far-host.ts';
import type { FarFile, FarListing } from './far-listing.ts';

/** What a printer of the host has, as it was found. */
export interface FoundPrinter {
  readonly name: string;
  readonly gcodes: { readonly folder: string; readonly listing: FarListing };
  /** By path, each whole. */
  readonly config: {
    readonly files: ReadonlyMap<string, Buffer>;
    readonly mtimeMs: number;
    readonly isWhole: boolean;
    /** Of a config that is a repository of its own. */
    readonly history?: FoundHistory;
  };
  readonly variables: Buffer | undefined;
  /** Asked for last: what it says of gcode is then there. */
  readonly database: () => Promise<
    { readonly file: Buffer; readonly uuid: Buffer | undefined; readonly how: string } | undefined
  >;
}

/** A history of the host, which is asked for where the server lacks any of it; undefined: it is larger than what is taken. */
export interface FoundHistory extends HistoryRefs {
  readonly commits: number;
  readonly read: () => Promise<Buffer | undefined>;
}

/** What was taken of one printer. */
export interface TakenPrinter {
  readonly printer: string;
  /** `commits`: of a history of its own, which is here now. */
  readonly config: { readonly changed: number; readonly commits?: number };
  readonly gcode: { readonly added: number; readonly removed: number; readonly bytes: number };
  readonly database: { readonly isNew: boolean; readonly bytes: number; readonly how: string } | null;
  readonly variables: { readonly isNew: boolean } | null;
  /** What is not there, and why. */
  readonly missed: readonly { readonly path: string; readonly why: string }[];
}

/** The boot that a host is, as long as it is adopted: the same each time, so a second run goes on with what the first has. */
export const adoptingBoot = (host: string, data: string): string =>
  `adopt-${createHash('sha256').update(`${host}\0${data}`).digest('hex').slice(0, 32)}`;

/** Whether what has the lease is a host that is adopted, and no machine. */
export const isAdopting = (boot: string): boolean => boot.startsWith('adopt-');

interface TakeContext {
  readonly state: PrinterState;
  readonly far: FarHost;
  readonly asker: Asker & { readonly printer: NodePrinter };
  readonly boot: string;
  readonly nowMs: number;
  /** Hears of bytes as they come. */
  readonly onBytes: (bytes: number) => void;
}

/**
 * Ships what a host has of a printer as a boot of its node would: by the same checks, quotas and names. Each part is on the line
 * whole, or as it was. Throws what the server's state throws, and `adopt-line-taken` where somebody else goes on with the line.
 */
export async function takePrinter(found: FoundPrinter, context: TakeContext): Promise<TakenPrinter> {
  const { state, asker, boot } = context;
  const { name: printer } = found;
  const { lease, items } = await state.lease(printer, boot, asker);
  const missed: { path: string; why: string }[] = [];
  const itemOf = (kind: ItemKind, usual: string): string | undefined => {
    const all = asker.printer.items.filter((one) => one.kind === kind);
    return (all.find(({ name }) => name === usual) ?? all[0])?.name;
  };
  const standing = (item: string): Standing => ({ lease, boot, base: entryOf(items, item)?.id ?? null });
  const part = async <T>(kind: ItemKind, usual: string, take: (item: string) => Promise<T>): Promise<T | undefined> => {
    const item = itemOf(kind, usual);
    if (item !== undefined) return await take(item);
    missed.push({
      path: usual,
      why: `config.d keeps the ${usual} of ${printer} in another way (kind) than copies of it are taken`,
    });
    return undefined;
  };
  const gcode = await part('mirror', 'gcode', (item) => takeGcode(found, context, item, standing(item), missed));
  const config = await part('git', 'config', (item) => takeConfig(found, context, item, standing(item), missed));
  const variables = await part('variables', 'variables', (item) =>
    takeVariables(found, context, item, standing(item), entryOf(items, item), missed),
  );
  const database = await part('snapshot', 'database', (item) =>
    takeDatabase(found, context, item, standing(item), entryOf(items, item), missed),
  );
  return {
    printer,
    config: config ?? { changed: 0 },
    gcode: gcode ?? { added: 0, removed: 0, bytes: 0 },
    variables: variables ?? null,
    database: database ?? null,
    missed,
  };
}

async function takeGcode(
  { name: printer, gcodes: { folder, listing } }: FoundPrinter,
  { state: { mirror }, far, asker, onBytes }: TakeContext,
  item: string,
  standing: Standing,
  missed: { path: string; why: string }[],
): Promise<TakenPrinter['gcode']> {
  const line = new Map((await mirror.list(printer, item, asker)).files.map((file) => [file.path, file]));
  const isSame = ({ path, sizeBytes, mtimeNs }: FarFile): boolean => {
    const there = line.get(path);
    return there?.sizeBytes === sizeBytes && there.mtimeNs === mtimeNs;
  };
  const named = listing.files.filter(({ path }) => isMirrorPath(path));
  const wanted = named.filter((file) => !isSame(file));
  const send = async (changes: readonly MirrorChange[]): Promise<void> => {
    for (let at = 0; at < changes.length; at += MIRROR_LIMITS.changes) {
      const answer = await mirror.change(printer, item, changes.slice(at, at + MIRROR_LIMITS.changes), standing, asker);
      mustBeLine(printer, answer);
      if (answer.missing.length > 0)
        throw new StatectlError('state-damaged', `${printer}: gcode that came whole is not there any more`, {
          hint: 'look at the disk of this server, and run it again',
        });
    }
  };
  // First, so that a file can be where a folder was.
  const here = new Set(listing.files.map(({ path }) => path));
  const gone = !listing.isWhole ? [] : [...line.values()].filter(({ path }) => !here.has(path));
  await send(gone.map(({ path, sha256 }) => ({ path, file: null, was: sha256 })));
  let bytes = 0;
  let added = 0;
  const fetched = await fetchFar(far, folder, wanted, {
    async start(allBytes) {
      const take = await mirror.takeWhole(printer, item, allBytes, standing, asker);
      return ({ sizeBytes }, body) => take(sizeBytes, counted(body, onBytes));
    },
    async settle(taken) {
      await send(
        taken.map(([{ path, sizeBytes, mtimeNs }, sha256]) => ({
          ...{ path, file: { sizeBytes, mtimeNs, sha256 } satisfies Omit<MirrorFile, 'path'> },
          was: line.get(path)?.sha256 ?? null,
        })),
      );
      added += taken.length;
      bytes += taken.reduce((sum, [{ sizeBytes }]) => sum + sizeBytes, 0);
    },
  });
  missed.push(
    ...fetched.missed.map((path) => ({
      path: `${folder}/${path}`,
      why: 'it changed while it was read, or cannot be read',
    })),
  );
  return { added, removed: gone.length, bytes };
}

async function* counted(body: AsyncIterable<Uint8Array>, onBytes: (bytes: number) => void): AsyncIterable<Uint8Array> {
  for await (const chunk of body) {
    onBytes(chunk.length);
    yield chunk;
  }
}

async function takeConfig(
  { name: printer, config: { files, mtimeMs, isWhole, history } }: FoundPrinter,
  { state: { git }, asker, onBytes }: TakeContext,
  item: string,
  standing: Standing,
  missed: { path: string; why: string }[],
): Promise<TakenPrinter['config']> {
  const line = standing.base === null ? undefined : await git.files(printer, item, undefined, asker);
  const known = new Map((line?.files ?? []).map(({ path, content }) => [path, content]));
  const changed = [...files].flatMap(([path, bytes]) => {
    const content = bytes.toString('base64');
    return known.get(path) === content ? [] : [{ path, content, mtimeMs }];
  });
  // What printers share below common/ is nobody's to delete here.
  const isShared = (path: string): boolean => path.startsWith('common/');
  const gone = !isWhole ? [] : [...known.keys()].filter((path) => !files.has(path) && !isShared(path));
  const changes = [...changed, ...gone.map((path) => ({ path, content: null, mtimeMs }))];
  const base = line?.id ?? null;
  const ship = async (bundle?: Buffer): Promise<readonly HistoryRemark[]> => {
    const { notNamed = [], ...taken } = await git.ship(
      ...([printer, item, standing, asker, { base, files: changes }, bundle] as const),
    );
    mustBeLine(printer, taken);
    return notNamed;
  };
  const stays = (why: string) => missed.push({ path: 'the history of its config', why: `it stays there: ${why}` });
  const isKnown = history && (await git.hasHistory(printer, item, history));
  if (history && !isKnown) {
    const bundle = await history.read();
    if (bundle === undefined) stays('it is larger than what is taken');
    else {
      onBytes(bundle.length);
      try {
        for (const { ref, why } of await ship(bundle)) missed.push({ path: ref, why });
        return { changed: changes.length, commits: history.commits };
      } catch (error) {
        if (!(error instanceof StatectlError) || error.code !== 'history-unfit') throw error;
        stays(error.message);
      }
    }
  }
  if (changes.length > 0) await ship();
  return { changed: changes.length, ...(isKnown && { commits: history.commits }) };
}

async function takeVariables(
  { name: printer, variables }: FoundPrinter,
  { state, asker }: TakeContext,
  item: string,
  standing: Standing,
  head: unknown,
  missed: { path: string; why: string }[],
): Promise<TakenPrinter['variables']> {
  if (variables === undefined) return null;
  const before = VariablesHead.safeParse(head).data;
  if (before?.sha256 === sha256Of(variables)) return { isNew: false };
  const text = variables.toString('utf8');
  if (!Buffer.from(text).equals(variables)) {
    missed.push({ path: 'saved variables', why: 'the file is no UTF-8: Klipper stops at it' });
    return null;
  }
  const seq = before?.boot === standing.boot ? before.seq + 1 : 1;
  try {
    mustBeLine(printer, await state.variables.ship(printer, item, { seq, changes: [], text }, standing, asker));
  } catch (error) {
    if (!(error instanceof StatectlError) || !['variables-damaged', 'variables-empty'].includes(error.code))
      throw error;
    missed.push({ path: 'saved variables', why: error.message });
    return null;
  }
  return { isNew: true };
}

async function takeDatabase(
  { name: printer, database }: FoundPrinter,
  { state, asker, nowMs, onBytes }: TakeContext,
  item: string,
  standing: Standing,
  head: unknown,
  missed: { path: string; why: string }[],
): Promise<TakenPrinter['database']> {
  const found = await database();
  if (!found) return null;
  const { file, uuid, how } = found;
  const tar = writeTar(new Map([['moonraker-sql.db', file], ...(uuid ? [['.moonraker.uuid', uuid] as const] : [])]));
  const sha256 = sha256Of(tar);
  onBytes(tar.length);
  const isNew = (head as { readonly sha256?: unknown } | null | undefined)?.sha256 !== sha256;
  async function* body(): AsyncIterable<Uint8Array> {
    yield tar;
  }
  const shipment = { ...standing, sha256, takenAtMs: nowMs };
  try {
    if (isNew) mustBeLine(printer, await state.snapshot.ship(printer, item, shipment, asker, body()));
  } catch (error) {
    // All else of the printer is good; what is damaged is kept apart.
    if (!(error instanceof StatectlError) || error.code !== 'generation-damaged') throw error;
    missed.push({ path: 'moonraker-sql.db', why: `${error.message}; ${error.hint}` });
    return null;
  }
  return { isNew, bytes: file.length, how };
}

/** Throws `adopt-line-taken`. */
function mustBeLine(
  printer: string,
  answer: { readonly on: 'line' | 'branch'; readonly why?: string | undefined },
): void {
  if (answer.on === 'line') return;
  throw lineTaken(printer, answer.why ?? 'it is a branch');
}

export const lineTaken = (printer: string, why: string): StatectlError =>
  new StatectlError('adopt-line-taken', `somebody else goes on with ${printer}: ${why}`, {
    hint: `nothing of its line was changed. What changed at the old host since is not taken any more: copy single files by hand (git push, upload), or give it another name: --printer NAME=DIR`,
  });
