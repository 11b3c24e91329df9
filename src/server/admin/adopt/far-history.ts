import { isStatectlError } from '../../../error.ts';
import { shellQuote } from '../../../host/shell-line.ts';
import { isHistoryRef } from '../../state/git/take-history.ts';
import type { FarHost } from './far-host.ts';

/** The repository that a folder of the host is. */
export interface FarHistory {
  /** Commits that lead to what its files are of. */
  readonly commits: number;
  readonly head: string;
  /** Where it fetches and pushes, without what lets somebody in there. */
  readonly remotes: readonly string[];
  /** Of branches and tags, by the whole name. */
  readonly refs: ReadonlyMap<string, string>;
}

/** Why a history stays where it is. */
export interface NoHistory {
  readonly why: string;
  readonly remotes: readonly string[];
}

/** A config of years has a hundredth of it. It is in memory once. */
const MOST_BYTES = 64 << 20;
const MOST_TOLD = 256 << 10;
const MOST_REFS = 500;

/**
 * Whoever logged in, and whoever's it is: nothing that the repository says of itself is run, nothing is written, nothing fetched.
 * `safe.directory` counts on the command line alone.
 */
const GIT = `export GIT_OPTIONAL_LOCKS=0 GIT_NO_LAZY_FETCH=1 GIT_TERMINAL_PROMPT=0 GIT_CONFIG_NOSYSTEM=1 GIT_CONFIG_GLOBAL=/dev/null
git() { command git -c safe.directory='*' -c core.fsmonitor=false -c core.hooksPath=/dev/null -c protocol.allow=never --no-pager "$@" 2>/dev/null; }`;

const lookScript = (folder: string): string => `cd ${shellQuote(folder)} 2>/dev/null || exit 0
sed -n 's/^[[:space:]]*url[[:space:]]*=[[:space:]]*//p' .git/config 2>/dev/null | sed 's#//[^/@]*@#//#; s/[?].*//; s/^/remote /'
command -v git >/dev/null || { [ -e .git ] && printf 'nogit\\n'; exit 0; }
${GIT}
top=$(git rev-parse --show-toplevel) || { [ -e .git ] && printf 'broken\\n'; exit 0; }
printf 'prefix %s\\n' "$(git rev-parse --show-prefix)"
printf 'top %s\\n' "$top"
printf 'head %s\\n' "$(git rev-parse --verify --quiet 'HEAD^{commit}')"
printf 'commits %s\\n' "$(git rev-list --count HEAD)"
printf 'shallow %s\\n' "$(git rev-parse --is-shallow-repository)"
printf 'format %s\\n' "$(git rev-parse --show-object-format)"
git for-each-ref --count=${MOST_REFS} --format='ref %(objectname) %(refname)' refs/heads refs/tags`;

/** Looks at the history of a folder; undefined: it is no repository. Throws what `FarHost.read` throws. */
export async function lookAtHistory(far: FarHost, folder: string): Promise<FarHistory | NoHistory | undefined> {
  const said = await far.read(lookScript(folder), MOST_TOLD, { good: [0, 1] });
  const lines = said.toString('utf8').split('\n').filter(Boolean);
  if (lines.length === 0) return undefined;
  const all = (key: string) =>
    lines.flatMap((line) => (line.startsWith(`${key} `) ? [line.slice(key.length + 1)] : []));
  const one = (key: string) => all(key)[0] ?? '';
  const remotes = [...new Set(all('remote'))].slice(0, 10);
  if (lines.includes('nogit')) return { why: 'the host has no git to read it with', remotes };
  if (lines.includes('broken')) return { why: 'git there cannot read it', remotes };
  if (one('prefix') !== '')
    return {
      why: `it is that of ${one('top')}, of which the config is a part: \`git subtree split --prefix=${one('prefix').replace(/\/$/, '')}\` makes one of the config alone, to be pushed as a branch`,
      remotes,
    };
  if (!/^[0-9a-f]{40}$/.test(one('head')))
    return one('format') === 'sha256'
      ? { why: 'its commits have names of SHA-256, and those of this server of SHA-1', remotes }
      : { why: 'it has no commit yet', remotes };
  if (one('shallow') === 'true')
    return {
      why: 'it is not whole: it was cloned with a depth, and `git fetch --unshallow` there brings the rest',
      remotes,
    };
  const refs = all('ref')
    .map((line) => [line.slice(41), line.slice(0, 40)] as const)
    .filter(([name]) => isHistoryRef(name));
  const [commits = '0'] = /^\d{1,9}$/.exec(one('commits')) ?? [];
  return { commits: Number(commits), head: one('head'), remotes, refs: new Map(refs) };
}

/** All commits, branches and tags as a bundle of git; undefined: more than is taken. Throws what `FarHost.read` throws. */
export async function readFarHistory(far: FarHost, folder: string): Promise<Buffer | undefined> {
  const script = `cd ${shellQuote(folder)} || exit 9
${GIT}
git bundle create - HEAD --branches --tags`;
  return await far.read(script, MOST_BYTES).catch((error: unknown) => {
    if (isStatectlError(error) && error.code === 'adopt-too-much') return undefined;
    throw error;
  });
}
