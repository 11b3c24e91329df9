import { StatectlError } from '../../error.ts';
import type { Host } from '../../host/host.ts';

type GitHost = Pick<Host, 'exec' | 'files'>;

/**
 * Nothing that a repository says of itself may run a program here: statectl is root and config.d may be another's. Nor
 * does a person's own git configuration change what statectl does.
 */
const SAFE: readonly string[] = [
  'safe.directory=*',
  'core.hooksPath=/dev/null',
  'core.fsmonitor=false',
  'core.attributesFile=/dev/null',
  'core.pager=cat',
  'core.quotePath=false',
  'commit.gpgSign=false',
  'protocol.allow=never',
  'gc.auto=0',
];

const ENVIRONMENT = {
  GIT_CONFIG_NOSYSTEM: '1',
  GIT_CONFIG_GLOBAL: '/dev/null',
  GIT_TERMINAL_PROMPT: '0',
  GIT_OPTIONAL_LOCKS: '0',
  // A file is what it is called: nobody's `:(top)*` or `*` means more.
  GIT_LITERAL_PATHSPECS: '1',
  LC_ALL: 'C',
};

/** Where a repository keeps itself, and what is said there. */
export interface GitPlace {
  /** Of this work tree: `.git`, or what the file `.git` of a linked work tree or a submodule names. */
  readonly gitDir: string;
  /** Another work tree of the same repository has refs in common with this one. */
  readonly isLinked: boolean;
}

/** The repository in a config.d: `git -C DIR`, told its own git directory, so that one around it is never meant. */
export class Git {
  readonly #host: GitHost;
  readonly #dir: string;
  #place: Promise<GitPlace> | undefined;

  constructor(host: GitHost, dir: string) {
    this.#host = host;
    this.#dir = dir;
  }

  /** What git prints. Throws `git-failed` with git's own words. */
  async run(args: readonly string[], input?: string): Promise<string> {
    const { exitCode, stdout, stderr } = await this.#exec(args, input);
    if (exitCode === 0) return stdout;
    throw new StatectlError('git-failed', `git ${args[0]} in ${this.#dir}: ${lastLine(stderr)}`, {
      hint: `look with: git -C ${this.#dir} status`,
    });
  }

  /** The same where a failure is an answer: undefined. */
  async ask(args: readonly string[]): Promise<string | undefined> {
    const { exitCode, stdout } = await this.#exec(args);
    return exitCode === 0 ? stdout.trim() : undefined;
  }

  /**
   * Asks git, which knows of linked work trees and submodules. Throws `git-unusable` where `.git` is none, or leads to the
   * directory of somebody else: whoever owns a config.d must not choose where statectl writes.
   */
  place(): Promise<GitPlace> {
    this.#place ??= this.#findPlace().catch((error: unknown) => {
      this.#place = undefined;
      throw error;
    });
    return this.#place;
  }

  async #findPlace(): Promise<GitPlace> {
    const { files } = this.#host;
    const own = `${this.#dir}/.git`;
    const { exitCode, stdout, stderr } = await this.#exec(['rev-parse', '--absolute-git-dir']);
    const gitDir = stdout.trim();
    if (exitCode !== 0)
      throw new StatectlError('git-unusable', `${own} is no git repository: ${lastLine(stderr)}`, {
        hint: `mend it, or move it away: statectl makes a new history then`,
      });
    const [link, target, folder] = await Promise.all([own, gitDir, this.#dir].map((path) => files.stat(path)));
    if (link?.type !== 'dir' && target?.uid !== folder?.uid)
      throw new StatectlError('git-unusable', `${own} leads to ${gitDir}, which belongs to somebody else`, {
        hint: `give both to one owner: chown, or a config.d with a repository of its own`,
      });
    // gitrepository-layout(5)
    return { gitDir, isLinked: (await files.stat(`${gitDir}/commondir`)) !== undefined };
  }

  #exec(args: readonly string[], input?: string) {
    const settings = SAFE.flatMap((setting) => ['-c', setting]);
    return this.#host.exec.run(['git', '--no-pager', ...settings, ...args], {
      cwd: this.#dir,
      env: { ...ENVIRONMENT, GIT_DIR: `${this.#dir}/.git`, GIT_WORK_TREE: this.#dir },
      ...(input !== undefined && { input }),
    });
  }
}

const lastLine = (text: string): string => text.trim().split('\n').at(-1) || 'it failed and did not say why';
