import { type Revision, readLog } from '../../../config/history/revisions.ts';
import { StatectlError } from '../../../error.ts';
import { type ConfigConflict, dropConflict, listConflicts } from '../../state/git/conflicts.ts';
import { commitTree } from '../../state/git/git-kind.ts';
import { type ConfigRepository, commitOf, findRepository, MAIN } from '../../state/git/repository.ts';
import { lockPrinter, readPrinter } from '../../state/state-folder.ts';
import type { Store } from '../../store/store.ts';
import type { ServerState } from '../server-state.ts';
import { mustExist } from './printers.ts';

/** Which config: a printer has one, unless state.conf names places besides it. */
export interface ConfigChoice {
  readonly printer: string;
  readonly item?: string;
}

interface Found {
  readonly store: Store;
  readonly repository: ConfigRepository;
}

/** Throws `printer-unknown`, `item-unknown`. */
async function repositoryOf(state: ServerState, { printer, item }: ConfigChoice): Promise<Found> {
  const store = await state.files();
  await mustExist(store, printer);
  const { items } = await readPrinter(store, printer);
  const names = Object.entries(items).flatMap(([name, one]) => (one?.kind === 'git' ? [name] : []));
  const [only = 'config'] = names.includes('config') ? ['config'] : names;
  const name = item ?? only;
  const repository = names.includes(name) ? await findRepository(store, printer, name) : undefined;
  if (!repository) throw noConfig(printer, item, names);
  return { store, repository };
}

const noConfig = (printer: string, item: string | undefined, names: readonly string[]): StatectlError =>
  new StatectlError(
    'item-unknown',
    `${printer} has no ${item === undefined ? 'config' : `${item} with a history`} here`,
    {
      hint:
        names.length > 0
          ? `it has ${names.join(', ')}: name one with --item`
          : 'a machine ships it when it runs with this printer',
    },
  );

/** What changed in a printer's config, the newest first. Throws `printer-unknown`, `item-unknown`, `git-failed`. */
export async function configLog(
  state: ServerState,
  choice: ConfigChoice,
  { limit, path }: { readonly limit?: number; readonly path?: string } = {},
): Promise<readonly Revision[]> {
  const { repository } = await repositoryOf(state, choice);
  if ((await commitOf(repository, MAIN)) === undefined) return [];
  return readLog(repository.git, {
    from: MAIN,
    ...(limit !== undefined && { limit }),
    ...(path !== undefined && { path }),
  });
}

/** What two revisions differ in, as `git diff` has it; without any, what the last one changed. Throws the same, and `revision-unknown`. */
export async function configDiff(
  state: ServerState,
  choice: ConfigChoice,
  revisions: readonly string[] = [],
): Promise<string> {
  const { repository } = await repositoryOf(state, choice);
  const named = (revision: string) => revisionOf(repository, choice, revision);
  const [one, other] = revisions;
  const last = await commitOf(repository, MAIN);
  if (last === undefined && one === undefined) return '';
  const from = one === undefined ? ((await findRevision(repository, `${MAIN}~1`)) ?? NOTHING) : await named(one);
  return diffOf(repository, from, other === undefined ? (last ?? NOTHING) : await named(other));
}

/** The tree of nothing, which every repository knows: all of a first commit differs from that. */
const NOTHING = '4b825dc642cb6eb9a060e54bf8d69288fbee4904';

const diffOf = ({ git }: ConfigRepository, from: string, to: string): Promise<string> =>
  git.run(['diff', '--no-ext-diff', '--no-textconv', '--no-color', '--no-renames', from, to]);

async function findRevision({ git }: ConfigRepository, revision: string): Promise<string | undefined> {
  const words = ['rev-parse', '--verify', '--quiet', '--end-of-options', `${revision}^{commit}`];
  // 128 is what git says to what is no revision.
  const { exitCode, stdout } = await git.attempt(words);
  return exitCode === 0 ? stdout.trim() : undefined;
}

async function revisionOf(repository: ConfigRepository, { printer }: ConfigChoice, revision: string): Promise<string> {
  const found = await findRevision(repository, revision);
  if (found !== undefined) return found;
  throw new StatectlError('revision-unknown', `there is no revision ${revision}`, {
    hint: `\`statectl printer log ${printer}\` names them`,
  });
}

/**
 * Makes the config what it was at a revision, by a commit of its own; the machine is given it as any change of a person. undefined: it is
 * that already. Throws the same, `locked`, `git-failed`.
 */
export async function rollBackConfig(
  state: ServerState,
  choice: ConfigChoice,
  revision: string,
  author: { readonly name: string },
): Promise<string | undefined> {
  const { store, repository } = await repositoryOf(state, choice);
  await using _lock = await lockPrinter(store, choice.printer);
  const to = await revisionOf(repository, choice, revision);
  const subject = (await repository.git.run(['show', '-s', '--format=%s', to])).trim();
  const message = `Roll back to ${to.slice(0, 12)}: ${subject}`;
  return await commitTree(repository, { to, from: await commitOf(repository, MAIN), message, author });
}

/** What people and the printer changed at once, the newest first. Throws `printer-unknown`, `item-unknown`, `git-failed`. */
export async function configConflicts(state: ServerState, choice: ConfigChoice): Promise<readonly ConfigConflict[]> {
  return listConflicts((await repositoryOf(state, choice)).repository);
}

/** What the server had where the printer has something else. Throws the same, and `conflict-unknown`. */
export async function conflictDiff(state: ServerState, choice: ConfigChoice, branch: string): Promise<string> {
  const { repository } = await repositoryOf(state, choice);
  const { commit, paths } = await conflictOf(repository, choice, branch);
  const { git } = repository;
  return git.run([
    'diff',
    '--no-ext-diff',
    '--no-textconv',
    '--no-color',
    '--no-renames',
    MAIN,
    commit,
    '--',
    ...paths,
  ]);
}

/** A person has seen to it. Throws the same. */
export async function settleConflict(state: ServerState, choice: ConfigChoice, branch: string): Promise<void> {
  const { repository } = await repositoryOf(state, choice);
  await conflictOf(repository, choice, branch);
  await dropConflict(repository, branch);
}

async function conflictOf(
  repository: ConfigRepository,
  { printer }: ConfigChoice,
  branch: string,
): Promise<ConfigConflict> {
  const found = (await listConflicts(repository)).find((one) => one.branch === branch);
  if (found) return found;
  throw new StatectlError('conflict-unknown', `there is no conflict ${branch}`, {
    hint: `\`statectl printer conflicts ${printer}\` names those that there are`,
  });
}
