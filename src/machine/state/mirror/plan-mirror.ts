import type { PlainFile, TreeScan } from '../../../host/plain-tree.ts';
import { isMirrorPath, type MirrorChange } from '../../../protocol/state/mirror.ts';
import type { NotedFile } from './mirror-note.ts';
import type { MirrorView, ViewFile } from './mirror-view.ts';

/** A change that the server is to be told, with the file that has its content. */
export interface Push {
  readonly change: MirrorChange;
  readonly file?: PlainFile;
}

export interface MirrorPlan {
  /** Changed here, and their content is not known yet. */
  readonly unknown: readonly PlainFile[];
  readonly pushes: readonly Push[];
  /** To be had from the server or the source, the most wanted first; `over`: the stamp of what it takes the place of. */
  readonly takes: readonly { readonly file: ViewFile; readonly over?: string }[];
  /** Gone from the line. */
  readonly removes: readonly PlainFile[];
  /** In step, and out of room. */
  readonly evicts: readonly PlainFile[];
  /** Files of the view that have no room. */
  readonly absent: readonly ViewFile[];
  /** What is to be known when nothing of the above is done. */
  readonly note: readonly NotedFile[];
}

export interface MirrorState {
  readonly view: MirrorView;
  readonly scan: TreeScan;
  readonly note: readonly NotedFile[];
  /** SHA-256 by stamp, of what was read. */
  readonly known: ReadonlyMap<string, string>;
  /** Open, printed or queued: neither replaced, removed nor put out. */
  readonly pinned: ReadonlySet<string>;
  /** Somebody waits for it: nothing is wished for more. */
  readonly wanted?: ReadonlySet<string>;
  /** Most bytes that may be here. */
  readonly limitBytes: number;
}

/** Where a name stands after the two sides were compared. */
interface Compared {
  readonly path: string;
  readonly local: PlainFile | undefined;
  readonly wanted: ViewFile | undefined;
  readonly noted: NotedFile | undefined;
  /**
   * `same`: nothing to do; `take`: the line's counts; `push`: ours does; `sent`: ours does, and a server has it; `read`: the content
   * of ours is not known.
   */
  readonly what: 'same' | 'take' | 'push' | 'sent' | 'read';
  /** Of ours; null: there is none. */
  readonly version: string | null;
}

/**
 * Compares what the line has, what it had when the two were compared last, and what is here, name by name: who alone changed wins,
 * and where both did, what is here does; nothing is lost by it, since the server keeps what is replaced. Then what is to be here is
 * fitted into the limit, the newest first; what no server has stays. Pure.
 */
export function planMirror(state: MirrorState): MirrorPlan {
  const { view, pinned } = state;
  const compared = compareAll(state);
  const fits = fitting(state, compared);
  const plan: { [Key in keyof MirrorPlan]: MirrorPlan[Key][number][] } = {
    ...{ unknown: [], pushes: [], takes: [], removes: [], evicts: [], absent: [], note: [] },
  };
  for (const { path, local, wanted, noted, what, version } of compared) {
    const line = wanted?.version ?? null;
    const used = noted?.usedMs !== undefined && { usedMs: noted.usedMs };
    const ours: NotedFile = { path, ...(local && { stamp: local.stamp }), version, line, ...used };
    const isPinned = local !== undefined && pinned.has(path);
    if (what === 'read') {
      if (local) plan.unknown.push(local);
      if (noted) plan.note.push(noted);
    } else if (what === 'push' || what === 'sent') {
      plan.note.push({ ...ours, ...(what === 'sent' && { isSent: true }) });
      if (what === 'push') plan.pushes.push({ change: changeOf(view, ours, local), ...(local && { file: local }) });
    } else if (!wanted) {
      if (local && !isPinned) plan.removes.push(local);
      if (local && noted) plan.note.push(noted);
    } else if (what === 'same' && fits.has(path)) plan.note.push({ ...ours, version: wanted.version });
    else if (isPinned && noted) plan.note.push(noted);
    else {
      // What goes for want of room is noted as not here before it goes: nobody may take it for deleted.
      plan.note.push(fits.has(path) && local && noted ? noted : { path, version: wanted.version, line, ...used });
      if (fits.has(path)) plan.takes.push({ file: wanted, ...(local && { over: local.stamp }) });
      else {
        plan.absent.push(wanted);
        if (local) plan.evicts.push(local);
      }
    }
  }
  const order = [...fits];
  const placeOf = new Map(order.map((path, at) => [path, at]));
  const takes = plan.takes.toSorted((a, b) => (placeOf.get(a.file.path) ?? 0) - (placeOf.get(b.file.path) ?? 0));
  return { ...plan, takes };
}

function changeOf(view: MirrorView, { path, version }: NotedFile, local: PlainFile | undefined): MirrorChange {
  const { was, over } = view.lies(path);
  const file =
    local && version !== null ? { sizeBytes: local.sizeBytes, mtimeNs: local.mtimeNs, sha256: version } : null;
  return { path, file, was, ...(over !== undefined && { over }) };
}

function compareAll({ view, scan, note, known }: MirrorState): readonly Compared[] {
  const noted = new Map(note.map((one) => [one.path, one]));
  const local = new Map(scan.files.filter(({ path }) => isMirrorPath(path)).map((file) => [file.path, file]));
  const paths = new Set([...view.files.keys(), ...local.keys(), ...noted.keys()]);
  return [...paths].map((path) => {
    const names = { wanted: view.files.get(path), local: local.get(path), noted: noted.get(path) };
    return { path, ...names, ...compare(names, known) };
  });
}

function compare(
  { wanted, local, noted }: Pick<Compared, 'wanted' | 'local' | 'noted'>,
  known: ReadonlyMap<string, string>,
): Pick<Compared, 'what' | 'version'> {
  const line = wanted?.version ?? null;
  // What the line has is what was here: it was sent, and the note does not say so yet.
  const isSentOn = noted?.stamp !== undefined && noted.version === line;
  const base = isSentOn ? line : (noted?.line ?? null);
  const version = versionHere(wanted, local, noted, known);
  if (version === undefined) return { what: 'read', version: null };
  if (!local && version !== null) return { what: 'take', version };
  if (version === line) return { what: 'same', version };
  if (version === base) return { what: 'take', version };
  // Deleted here, and newer there.
  if (version === null && line !== base) return { what: 'take', version };
  const isSent = noted?.isSent === true && noted.version === version && line === base;
  return { what: isSent ? 'sent' : 'push', version };
}

/** null: deleted, or never there; undefined: it is to be read. What is not here on purpose is as it was noted. */
function versionHere(
  wanted: ViewFile | undefined,
  local: PlainFile | undefined,
  noted: NotedFile | undefined,
  known: ReadonlyMap<string, string>,
): string | null | undefined {
  if (!local) return noted?.stamp === undefined ? (noted?.version ?? null) : null;
  if (noted?.stamp === local.stamp) return noted.version;
  return isCopy(wanted, local) ? wanted?.version : known.get(local.stamp);
}

/** Of a source that says no digest: what was copied has its size and time. */
const isCopy = (wanted: ViewFile | undefined, local: PlainFile): boolean =>
  wanted?.from === 'outside' && wanted.sizeBytes === local.sizeBytes && wanted.mtimeNs === local.mtimeNs;

/** Names of the view that have room, the most wanted first. What only this machine has, and what is pinned, is here anyway. */
function fitting(
  { pinned, wanted: waitedFor, limitBytes }: MirrorState,
  compared: readonly Compared[],
): ReadonlySet<string> {
  const fits = new Set<string>();
  let bytes = 0;
  const rest: { readonly file: ViewFile; readonly wishMs: number }[] = [];
  for (const { path, local, wanted, noted, what } of compared) {
    const stays = what === 'push' || what === 'sent' || what === 'read' || pinned.has(path);
    if (stays && local) {
      bytes += local.sizeBytes;
      fits.add(path);
    } else if (wanted) {
      const isFirst = pinned.has(path) || waitedFor?.has(path) === true;
      const wishMs = isFirst ? Number.POSITIVE_INFINITY : Math.max(msOf(wanted.mtimeNs), noted?.usedMs ?? 0);
      rest.push({ file: wanted, wishMs });
    }
  }
  for (const { file } of rest.toSorted((a, b) => b.wishMs - a.wishMs)) {
    if (bytes + file.sizeBytes > limitBytes) continue;
    bytes += file.sizeBytes;
    fits.add(file.path);
  }
  return fits;
}

const NS_PER_MS = 1_000_000n;
const msOf = (ns: string): number => Number(BigInt(ns) / NS_PER_MS);
