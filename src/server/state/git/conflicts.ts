import { commitFiles, type FileNow } from './commit.ts';
import { readTree } from './config-tree.ts';
import { CONFLICTS, type ConfigRepository, commitOf } from './repository.ts';

/** What the server had where a printer had another, on a branch of its own. */
export interface ConfigConflict {
  /** As people fetch it. */
  readonly branch: string;
  readonly commit: string;
  readonly at: string;
  readonly paths: readonly string[];
}

/** All that they name is in the history of the line, too. */
const MOST_CONFLICTS = 64;
const TITLE = 'The server had another: ';

/**
 * Keeps what the server had outside of every config: a branch that begins where both had the same, so that a merge of it shows a
 * person what collides. Throws `git-failed`.
 */
export async function keepConflict(
  repository: ConfigRepository,
  {
    base,
    server,
    paths,
  }: { readonly base: string | undefined; readonly server: string | undefined; readonly paths: readonly string[] },
): Promise<void> {
  const nowMs = repository.host.clock.now();
  const [was, had] = [await readTree(repository, base), await readTree(repository, server)];
  const files = new Map<string, FileNow>();
  for (const [path, file] of had.files) if (was.files.get(path)?.blob !== file.blob) files.set(path, file);
  for (const path of was.files.keys()) if (!had.files.has(path)) files.set(path, undefined);
  const at = new Date(nowMs).toISOString().replace(/[-:]|\.\d+/g, '');
  let ref = `${CONFLICTS}${at}`;
  for (let count = 2; (await commitOf(repository, ref)) !== undefined; count += 1) ref = `${CONFLICTS}${at}-${count}`;
  const lines = paths.map((path) => `Conflict: ${path}`);
  const message = `${TITLE}${paths[0]}${paths.length > 1 ? `, and ${paths.length - 1} more` : ''}\n\n${lines.join('\n')}`;
  const parents = base === undefined ? [] : [base];
  const author = { name: 'statectl' };
  await commitFiles(repository, { ref, parents, files, author, authoredMs: nowMs, message }, 'anew');
  const all = await listConflicts(repository);
  for (const { branch } of all.slice(MOST_CONFLICTS)) await dropConflict(repository, branch);
}

/** The newest first. Throws `git-failed`. */
export async function listConflicts({ git }: ConfigRepository): Promise<readonly ConfigConflict[]> {
  const format = '%(refname)%00%(objectname)%00%(committerdate:iso-strict)%00%(contents)%00%01';
  const listed = await git.run(['for-each-ref', '--sort=-refname', `--format=${format}`, CONFLICTS]);
  return listed
    .split('\u0001')
    .map((entry) => entry.trimStart().split('\0'))
    .flatMap(([ref = '', commit = '', at = '', text = '']) =>
      ref === ''
        ? []
        : [
            {
              branch: ref.replace('refs/heads/', ''),
              commit,
              at,
              paths: [...text.matchAll(/^Conflict: (.*)$/gm)].map(([, path = '']) => path),
            },
          ],
    );
}

/** A person has seen to it. Throws `git-failed`. */
export async function dropConflict({ git }: ConfigRepository, branch: string): Promise<void> {
  await git.run(['update-ref', '-d', `refs/heads/${branch}`]);
}
