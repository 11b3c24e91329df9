import { StatectlError } from '../../../error.ts';
import { type ConfigRepository, commitOf, MAIN } from './repository.ts';
import { repositorySize } from './repository-size.ts';

/** What a bundle of git says before its pack: gitformat-bundle(5). */
interface Bundle {
  /** By the whole name of the ref, and `HEAD`. */
  readonly refs: ReadonlyMap<string, string>;
  readonly pack: Buffer;
}

/** What a history is at. */
export interface HistoryRefs {
  readonly head: string;
  /** Of branches and tags, by the whole name. */
  readonly refs: ReadonlyMap<string, string>;
}

/** What came of a history. */
interface TakenHistory {
  /** What it was at; its commits are here now, and hold together. */
  readonly head: string;
  /** Names its branches and tags, once what goes on with it is named itself. Gives those that could not be, and why. */
  readonly nameRefs: () => Promise<readonly HistoryRemark[]>;
}

export interface HistoryRemark {
  readonly ref: string;
  readonly why: string;
}

/** git-check-ref-format(1), and no more: what is a path here leads nowhere else. */
export const isHistoryRef = (name: string): boolean =>
  /^refs\/(?:heads|tags)\/[^/]/.test(name) &&
  name.length <= 200 &&
  !/[\p{Cc} ~^:?*[\\]|@\{|\.\.|\/\/|\/$|\.$/u.test(name) &&
  !name.split('/').some((part) => part.startsWith('.') || part.endsWith('.lock'));

/** Where branches and tags of a history that came from elsewhere are. */
const adoptedRef = (name: string): string => name.replace(/^refs\/(heads|tags)\//, 'refs/$1/adopted/');
const MOST_REFS = 500;
/** What one object may make git take of the memory: a pack of a stranger can say that it has gigabytes. */
const ALLOCATION = '256m';
const NO_COMMIT = '0'.repeat(40);

/**
 * Takes the commits of another repository, whole or not at all: each object is looked at as git does with what is pushed, and
 * what they name has to be there. No ref changes. Throws `history-unfit`, which says why it cannot be.
 */
export async function takeHistory(
  repository: ConfigRepository,
  bytes: Buffer,
  quotaBytes: number,
): Promise<TakenHistory> {
  const { git } = repository;
  const bundle = readBundle(bytes);
  const head = bundle.refs.get('HEAD');
  if (head === undefined) throw unfit('it has no commit that its files are of');
  if ((await repositorySize(repository)).bytes + bytes.length > quotaBytes)
    throw unfit(`it has ${bytes.length} bytes, and the quota of the printer is ${quotaBytes}`);
  const words = ['index-pack', '--stdin', '--strict', `--max-input-size=${bytes.length}`];
  const { exitCode, stderr } = await git.attempt(words, { input: bundle.pack, env: { GIT_ALLOC_LIMIT: ALLOCATION } });
  if (exitCode !== 0) throw unfit(`git refuses it: ${reasonIn(stderr)}`);
  if ((await git.ask(['rev-parse', '--verify', '--quiet', `${head}^{commit}`])) !== head)
    throw unfit('what its files are of is no commit');
  return { head, nameRefs: () => nameRefs(repository, bundle.refs) };
}

/** Whether the line goes on with it already, and its branches and tags are named. Throws `git-failed`, `git-unusable`. */
export async function hasHistory(repository: ConfigRepository, { head, refs }: HistoryRefs): Promise<boolean> {
  const tip = await commitOf(repository, MAIN);
  if (tip === undefined || (await repository.git.attempt(['merge-base', '--is-ancestor', head, tip])).exitCode !== 0)
    return false;
  for (const [name, id] of refs)
    if ((await commitOf(repository, adoptedRef(name)).catch(() => undefined)) !== id) return false;
  return true;
}

const reasonIn = (stderr: string): string =>
  stderr
    .split('\n')
    .find((line) => /^(?:fatal|error): /.test(line))
    ?.slice(0, 300) ?? 'it does not say why';

const unfit = (why: string): StatectlError =>
  new StatectlError('history-unfit', `the history cannot be taken: ${why}`, {
    hint: 'its files are taken as they are; `git push` of what can be, as a branch, brings the rest',
  });

async function nameRefs(
  repository: ConfigRepository,
  refs: ReadonlyMap<string, string>,
): Promise<readonly HistoryRemark[]> {
  const { git } = repository;
  const remarks: HistoryRemark[] = [];
  const head = refs.get('HEAD');
  const named = [...refs].filter(([name]) => name !== 'HEAD');
  // Of a detached HEAD nothing else may have the commits.
  const isNamed = named.some(([name, id]) => id === head && name.startsWith('refs/heads/'));
  const all = isNamed || head === undefined ? named : [['refs/heads/HEAD', head] as const, ...named];
  for (const [name, id] of all.slice(0, MOST_REFS)) {
    const ref = adoptedRef(name);
    const was = await commitOf(repository, ref).catch(() => undefined);
    if (was === id) continue;
    // What somebody pushed there meanwhile stays.
    if (was !== undefined && (await git.attempt(['merge-base', '--is-ancestor', was, id])).exitCode !== 0) {
      remarks.push({ ref: name, why: `${ref} is here already, with commits that it has not` });
      continue;
    }
    const { exitCode, stderr } = await git.attempt(['update-ref', ref, id, was ?? NO_COMMIT]);
    if (exitCode !== 0) remarks.push({ ref: name, why: `git refuses it: ${reasonIn(stderr)}` });
  }
  for (const [name] of all.slice(MOST_REFS)) remarks.push({ ref: name, why: `more than ${MOST_REFS} are not named` });
  return remarks;
}

/** Pure. Throws `history-unfit`. */
function readBundle(bytes: Buffer): Bundle {
  const end = bytes.indexOf('\n\n');
  const lines = bytes.toString('utf8', 0, Math.max(0, end)).split('\n');
  const [signature, ...rest] = lines;
  if (end < 0 || (signature !== '# v2 git bundle' && signature !== '# v3 git bundle'))
    throw unfit('what came is no bundle of git');
  const refs = new Map<string, string>();
  for (const line of rest) {
    const [, id, name = ''] = /^([0-9a-f]{40}) (.+)$/.exec(line) ?? [];
    if (id !== undefined && (name === 'HEAD' || isHistoryRef(name))) refs.set(name, id);
    else if (line.startsWith('-')) throw unfit('it is not whole: older commits are elsewhere');
    else if (line === '@object-format=sha256')
      throw unfit('its commits have names of SHA-256, and those here of SHA-1');
    else if (line.startsWith('@filter=')) throw unfit('it is not whole: some of its files are elsewhere');
  }
  return { refs, pack: bytes.subarray(end + 2) };
}
