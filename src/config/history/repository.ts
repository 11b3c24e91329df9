import { reasonOf, StatectlError } from '../../error.ts';
import { fileError } from '../../host/file-error.ts';
import type { Host } from '../../host/host.ts';
import { holdLock } from '../../host/lock.ts';
import { passwdEntry } from '../../host/owner.ts';
import { type Author, fastImport } from './fast-import.ts';
import { Git } from './git.ts';
import { readRevision } from './revisions.ts';
import type { Snapshot } from './snapshot.ts';

/** In the git directory: made whole, then put in the index's place. */
const OWN_INDEX = 'statectl-index';

export type HistoryHost = Pick<Host, 'files' | 'exec' | 'clock'>;

/** The git repository and the work tree of a config.d, and what statectl writes there. */
export class Repository {
  readonly git: Git;
  readonly #host: HistoryHost;
  readonly #dir: string;

  constructor(host: HistoryHost, dir: string) {
    this.#host = host;
    this.#dir = dir;
    this.git = new Git(host, dir);
  }

  /** For one piece of work, by which the repository is looked at anew; made on first need. */
  async lock(): Promise<AsyncDisposable> {
    const { files } = this.#host;
    if ((await files.stat(`${this.#dir}/.git`)) === undefined) await this.git.init();
    const { gitDir } = await this.git.lookAgain();
    const lock = await holdLock(this.#host, `${gitDir}/statectl.lock`, `changing ${this.#dir}`);
    // Nobody else makes these: a git of ours that was killed left them.
    for (const ours of [OWN_INDEX, await this.checkedRef()]) await files.remove(`${gitDir}/${ours}.lock`);
    return lock;
  }

  /** Machines get this commit: the last one that was checked as a whole. Other work trees have their own. */
  async checkedRef(): Promise<string> {
    const { gitDir, commonDir } = await this.git.place();
    return gitDir !== commonDir ? 'refs/worktree/statectl/checked' : 'refs/statectl/checked';
  }

  async head(): Promise<string | undefined> {
    return (await this.git.ask(['rev-parse', '--verify', '--quiet', 'HEAD'])) || undefined;
  }

  /** Why no commit can be made; looked at before anything is written. */
  async obstacle(): Promise<StatectlError | undefined> {
    const { gitDir } = await this.git.place();
    // A link is a lock of ours, and tells itself whether its holder still lives.
    const lock = await this.#host.files.stat(`${gitDir}/index.lock`);
    if (lock && lock.type !== 'symlink')
      return new StatectlError('git-failed', `another git works in ${this.#dir}, or one was killed`, {
        hint: `nothing was written; when no git works there, remove ${gitDir}/index.lock`,
      });
    if ((await this.#branch()) !== undefined) return undefined;
    return new StatectlError('git-detached', `the git of ${this.#dir} is on no branch (detached HEAD)`, {
      hint: `nothing was written; \`git -C ${this.#dir} switch main\` goes to a branch, \`switch -c NAME\` makes one here`,
    });
  }

  #branch(): Promise<string | undefined> {
    return this.git.ask(['symbolic-ref', '--quiet', 'HEAD']);
  }

  /** One process, no filters, no hooks: the commit holds exactly these texts. */
  async commit(parent: string | undefined, snapshot: Snapshot, author: Author, message: string): Promise<string> {
    const ref = await this.#branch();
    const obstacle = await this.obstacle();
    if (obstacle || ref === undefined) throw obstacle;
    const old = parent === undefined ? new Map<string, string>() : await readRevision(this.git, parent);
    const time = this.#host.clock.now();
    await this.git.run(
      ['fast-import', '--quiet', '--date-format=raw'],
      fastImport({ ref, parent, old, next: snapshot, author, message, timeMs: time }),
    );
    await this.#makeIndex();
    const id = (await this.head()) as string;
    await this.git.run(['update-ref', await this.checkedRef(), id]);
    return id;
  }

  /** So that a person's own `git status` there is right; the commit stands without it. */
  async #makeIndex(): Promise<void> {
    const { files } = this.#host;
    const { gitDir } = await this.git.place();
    // git's own lock on it does not say whose it is: one that was killed would stop everything until somebody looks.
    await using _lock = await holdLock(this.#host, `${gitDir}/index.lock`, `changing ${gitDir}/index`);
    const made = `${gitDir}/${OWN_INDEX}`;
    const { exitCode } = await this.git.attempt(['read-tree', 'HEAD'], { env: { GIT_INDEX_FILE: made } });
    if (exitCode === 0) await files.rename(made, `${gitDir}/index`);
  }

  async put(name: string, text: string | undefined): Promise<void> {
    const path = `${this.#dir}/${name}`;
    if (text === undefined) return this.#host.files.remove(path);
    try {
      await this.#host.files.mkdir(path.slice(0, path.lastIndexOf('/')), 0o755);
      const mode = (await this.#host.files.stat(path))?.mode ?? 0o644;
      await this.#host.files.write(path, text, { mode });
    } catch (cause) {
      const { message, hint } = fileError(cause) ?? { message: `${path}: ${reasonOf(cause)}` };
      throw new StatectlError('config-unwritable', `cannot write ${message}`, { cause, ...(hint && { hint }) });
    }
  }

  async ownerOf(files: readonly string[]): Promise<Author> {
    const [first = ''] = files;
    const uid = (await this.#host.files.stat(`${this.#dir}/${first}`))?.uid;
    const entry = uid === undefined ? undefined : await passwdEntry(this.#host.files, uid);
    return { name: entry?.name ?? (uid === undefined ? 'unknown' : `uid ${uid}`) };
  }
}
