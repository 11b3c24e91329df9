import type { Author } from '../../../config/history/fast-import.ts';
import { StatectlError } from '../../../error.ts';
import { describeChange } from '../../../print/describe-change.ts';
import type { ConfigTaken } from '../../../protocol/state/config-files.ts';
import { commitFiles, type FileNow } from './commit.ts';
import { blobOf } from './config-tree.ts';
import { type ConfigVersion, type ConfigView, idOf, type Repositories, readViewFiles, viewOf } from './config-view.ts';
import { keepConflict } from './conflicts.ts';
import { mergeConfig } from './merge-config.ts';
import { commitOf, MAIN, SENT } from './repository.ts';

/** What came of a machine. */
export interface SentChanges {
  /** Where it belongs. */
  readonly ref: string;
  /** What the machine had. */
  readonly base: ConfigVersion;
  /** undefined: it is gone. */
  readonly sent: ReadonlyMap<string, Buffer | undefined>;
  readonly author: Author;
  /** By the machine's clock. */
  readonly mtimeMs: number;
  /** A commit with a history that joins that of the ref; where there is none yet, what was sent is all that it has. */
  readonly after?: string;
}

/** People push while it works; whoever does so again and again has to wait. */
const MOST_TRIES = 5;
/** Clocks of machines may stand anywhere. */
const EARLIEST_MS = Date.parse('2020-01-01T00:00:00Z');
const DAY_MS = 86_400_000;

/**
 * Commits what a machine has as it has it, and merges that with what is on its ref by now. Nobody but people who push changes
 * the repository meanwhile. Throws `git-failed`, `git-unusable`.
 */
export async function takeChanges(both: Repositories, changes: SentChanges): Promise<Omit<ConfigTaken, 'on'>> {
  const known = await viewOf(both, changes.base).catch(() => undefined);
  // A base that went away is none.
  const from: ConfigVersion = known ? changes.base : { own: undefined, common: undefined };
  const base = known ?? { files: new Map(), skipped: new Map() };
  const sent = differing(base, changes.sent);
  for (let tries = 0; tries < MOST_TRIES; tries += 1) {
    const taken = await takeOnce(both, { ...changes, base: from, sent }, base);
    if (taken) return taken;
  }
  throw new StatectlError('git-failed', `${both.own.path}: somebody pushes to it at every moment`, {
    hint: 'the printer sends it again',
  });
}

const differing = (base: ConfigView, sent: SentChanges['sent']): SentChanges['sent'] =>
  new Map([...sent].filter(([path, bytes]) => base.files.get(path)?.blob !== (bytes && blobOf(bytes))));

async function takeOnce(
  both: Repositories,
  { ref, base: from, sent, author, mtimeMs, after }: SentChanges,
  base: ConfigView,
): Promise<Omit<ConfigTaken, 'on'> | undefined> {
  const { own, common } = both;
  const tip = await commitOf(own, ref);
  const now: ConfigVersion = { own: tip, common: common && (await commitOf(common, MAIN)) };
  const answer = (has: string | undefined, head: string | undefined, conflicts: readonly string[]) => {
    const id = idOf({ own: has, common: from.common }) ?? 'empty';
    return { id, head: idOf({ own: head, common: now.common }) ?? 'empty', conflicts: [...conflicts] };
  };
  const others = after === undefined || (await isIn(own, after, tip)) ? [] : [after];
  if (sent.size === 0 && others.length === 0) return answer(from.own, tip, []);
  const before = others.length > 0 ? undefined : await earlier(both, from, sent, tip);
  if (before !== undefined) return answer(before, tip, []);
  const isFirst = tip === undefined && from.own === undefined;
  const known = isFirst && after !== undefined ? await viewOf(both, { ...from, own: after }) : base;
  const changed = isFirst && after !== undefined ? changesFrom(known, sent) : sent;
  if (isFirst && after !== undefined && changed.size === 0) {
    const { exitCode } = await own.git.attempt(['update-ref', ref, after, NO_BLOB]);
    return exitCode === 0 ? answer(after, after, []) : undefined;
  }
  const commit = {
    author,
    others,
    authoredMs: plausible(mtimeMs, own.host.clock.now()),
    message: changed.size === 0 ? 'The history of its own that it has' : await messageOf(both, known, changed),
    files: sent as ReadonlyMap<string, FileNow>,
    parents: from.own === undefined ? [] : [from.own],
  };
  // Nobody came between; or it is the first of a branch, which begins with what the machine had.
  if (tip === from.own || (tip === undefined && ref !== MAIN)) {
    const id = await commitFiles(own, { ...commit, ref });
    return id === undefined ? undefined : answer(id, id, []);
  }
  const has = await commitFiles(own, { ...commit, ref: SENT }, 'anew');
  if (has === undefined) return undefined;
  const line = await viewOf(both, now);
  const { files, conflicts } = await mergeConfig(both, { base, line }, sent);
  if (files.size === 0) return answer(has, tip, []);
  const message = `${commit.message}\n\n${conflicts.length > 0 ? `The printer's, where the server had another: ${conflicts.join(', ')}` : 'Merged with what the server had by then'}`;
  const parents = [...(tip === undefined ? [] : [tip]), has];
  const head = await commitFiles(own, { ...commit, message, files, parents, ref });
  if (head === undefined) return undefined;
  if (conflicts.length > 0) await keepConflict(own, { base: from.own, server: tip, paths: conflicts });
  return answer(has, head, conflicts);
}

/** The same came before, and its answer was lost on the way: the commit of then. */
async function earlier(
  { own }: Repositories,
  { own: base }: ConfigVersion,
  sent: SentChanges['sent'],
  tip: string | undefined,
): Promise<string | undefined> {
  const candidates = new Set([tip, await commitOf(own, SENT)]);
  for (const commit of candidates) {
    if (commit === undefined) continue;
    const listed = await own.git.run(['rev-list', '--parents', '-n1', commit]);
    const [, parent, other] = listed.trim().split(' ');
    if (parent !== base || other !== undefined) continue;
    const words = ['diff-tree', '-r', '-z', '--root', '--no-commit-id', '--no-renames', commit];
    const parts = (await own.git.run(words)).split('\0').filter(Boolean);
    const changed = new Map<string, string>();
    for (let at = 0; at + 1 < parts.length; at += 2) changed.set(parts[at + 1] ?? '', parts[at]?.split(' ')[3] ?? '');
    const isSame = [...sent].every(([path, bytes]) => changed.get(path) === (bytes ? blobOf(bytes) : NO_BLOB));
    if (isSame && changed.size === sent.size) return commit;
  }
  return undefined;
}

const NO_BLOB = '0'.repeat(40);

const isIn = async ({ git }: Repositories['own'], commit: string, tip: string | undefined): Promise<boolean> =>
  tip !== undefined && (await git.attempt(['merge-base', '--is-ancestor', commit, tip])).exitCode === 0;

/** What makes the files of a view those that were sent; what no machine is given goes, too. Pure. */
function changesFrom({ files, skipped }: ConfigView, sent: SentChanges['sent']): SentChanges['sent'] {
  const gone = [...files.keys(), ...skipped.keys()].filter((path) => !sent.has(path));
  const now = [...sent].filter(([path, bytes]) => bytes && files.get(path)?.blob !== blobOf(bytes));
  return new Map([...gone.map((path) => [path, undefined] as const), ...now]);
}

const plausible = (mtimeMs: number, nowMs: number): number =>
  mtimeMs >= EARLIEST_MS && mtimeMs <= nowMs + DAY_MS ? mtimeMs : nowMs;

async function messageOf(both: Repositories, base: ConfigView, sent: SentChanges['sent']): Promise<string> {
  const known = [...base.files].filter(([path]) => sent.has(path));
  const before = await readViewFiles(both, known);
  return describeChange(
    [...sent].map(([path, bytes]) => ({ path, before: before.get(path)?.toString(), after: bytes?.toString() })),
  );
}
