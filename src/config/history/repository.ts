import { reasonOf, StatectlError } from '../../error.ts';
import type { Host } from '../../host/host.ts';
import { holdLock } from '../../host/lock.ts';
import { type Author, fastImport } from './fast-import.ts';
import { Git } from './git.ts';
import { readRevision } from './revisions.ts';
import type { Snapshot } from './snapshot.ts';

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

  /** Where the repository keeps itself. Makes it on first need. */
  async gitDir(): Promise<string> {
    const { files } = this.#host;
    if ((await files.stat(`${this.#dir}/.git`)) === undefined)
      await this.git.run(['init', '--quiet', '--initial-branch=main', '--template=']);
    return (await this.git.place()).gitDir;
  }

  async lock(): Promise<AsyncDisposable> {
    return holdLock(this.#host, `${await this.gitDir()}/statectl.lock`, `changing ${this.#dir}`);
  }

  /** Machines get this commit: the last one that was checked as a whole. Other work trees have their own. */
  async checkedRef(): Promise<string> {
    const isLinked = await this.git.place().then(
      (place) => place.isLinked,
      () => false,
    );
    return isLinked ? 'refs/worktree/statectl/checked' : 'refs/statectl/checked';
  }

  async head(): Promise<string | undefined> {
    return (await this.git.ask(['rev-parse', '--verify', '--quiet', 'HEAD'])) || undefined;
  }

  /** Why no commit can be made; looked at before anything is written. */
  async obstacle(): Promise<StatectlError | undefined> {
    const { gitDir } = await this.git.place();
    if (await this.#host.files.stat(`${gitDir}/index.lock`))
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
    // So that a person's own `git status` there is right; it writes no file, and the commit stands without it.
    await this.git.ask(['read-tree', 'HEAD']);
    const id = (await this.head()) as string;
    await this.git.run(['update-ref', await this.checkedRef(), id]);
    return id;
  }

  async put(name: string, text: string | undefined): Promise<void> {
    const path = `${this.#dir}/${name}`;
    if (text === undefined) return this.#host.files.remove(path);
    await this.#host.files.mkdir(path.slice(0, path.lastIndexOf('/')), 0o755);
    try {
      const mode = (await this.#host.files.stat(path))?.mode ?? 0o644;
      await this.#host.files.write(path, text, { mode });
    } catch (cause) {
      throw new StatectlError('config-unwritable', `${path} cannot be written: ${reasonOf(cause)}`, { cause });
    }
  }

  async ownerOf(files: readonly string[]): Promise<Author> {
    const [first = ''] = files;
    const uid = (await this.#host.files.stat(`${this.#dir}/${first}`))?.uid;
    const passwd = await this.#host.files.readText('/etc/passwd').catch(() => '');
    const name = passwd
      .split('\n')
      .find((line) => line.split(':')[2] === String(uid))
      ?.split(':')[0];
    return { name: name ?? (uid === undefined ? 'unknown' : `uid ${uid}`) };
  }
}
