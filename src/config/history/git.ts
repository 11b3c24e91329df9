import { isStatectlError, StatectlError } from '../../error.ts';
import type { Host, RunResult } from '../../host/host.ts';
import { ownerOf } from '../../host/owner.ts';
import { findGitPlace, type GitPlace, nameOf } from './git-place.ts';

type GitHost = Pick<Host, 'exec' | 'files'>;

/**
 * Nothing that a repository says of itself may run a program here: config.d may be another's. Nor does a person's own git
 * configuration change what statectl does.
 */
const SAFE: readonly string[] = [
  'core.hooksPath=/dev/null',
  'core.fsmonitor=false',
  'core.attributesFile=/dev/null',
  'core.excludesFile=/dev/null',
  'diff.orderFile=/dev/null',
  'log.mailmap=false',
  'core.pager=cat',
  'core.quotePath=false',
  'commit.gpgSign=false',
  'gc.auto=0',
];

const STATECTL = { NAME: 'statectl', EMAIL: 'statectl@localhost' };

/** For every call of git. What stands here is over what a repository's own configuration says. */
const ENVIRONMENT = {
  GIT_CONFIG_NOSYSTEM: '1',
  GIT_CONFIG_GLOBAL: '/dev/null',
  GIT_ATTR_NOSYSTEM: '1',
  GIT_TERMINAL_PROMPT: '0',
  GIT_OPTIONAL_LOCKS: '0',
  // A file is what it is called: nobody's `:(top)*` or `*` means more.
  GIT_LITERAL_PATHSPECS: '1',
  // No transport has this name. A missing object is missing: `protocol.allow=never` was but a default.
  GIT_ALLOW_PROTOCOL: 'none',
  GIT_NO_LAZY_FETCH: '1',
  // A commit is what its id says.
  GIT_NO_REPLACE_OBJECTS: '1',
  GIT_GRAFT_FILE: '/dev/null',
  // What stands in logs/ is not the repository's `user.name`.
  GIT_COMMITTER_NAME: STATECTL.NAME,
  GIT_COMMITTER_EMAIL: STATECTL.EMAIL,
  GIT_AUTHOR_NAME: STATECTL.NAME,
  GIT_AUTHOR_EMAIL: STATECTL.EMAIL,
  LC_ALL: 'C',
};

/** A pipe or a device as a part of a repository is waited for no longer. */
const GIT_MS = 60_000;

/** Of its output, each byte is a character. */
interface Words {
  readonly input?: string | Uint8Array;
  readonly env?: Readonly<Record<string, string>>;
  readonly encoding?: 'latin1';
  readonly mostOutput?: number;
}

/**
 * The repository in a config.d: `git -C DIR`, told its own git directory, so that one around it is never meant. Or a bare one
 * of another name in a folder.
 */
export class Git {
  readonly #host: GitHost;
  readonly #dir: string;
  readonly #own: string;
  #place: Promise<GitPlace> | undefined;

  constructor(host: GitHost, dir: string, name = '.git') {
    this.#host = host;
    this.#dir = dir;
    this.#own = `${dir}/${name}`;
  }

  get #isBare(): boolean {
    return !this.#own.endsWith('/.git');
  }

  /** What git prints. Throws `git-failed` with git's own words. */
  async run(args: readonly string[], input?: string | Uint8Array, encoding?: 'latin1'): Promise<string> {
    const words = { ...(input !== undefined && { input }), ...(encoding && { encoding }) };
    const { exitCode, stdout, stderr } = await this.attempt(args, words);
    if (exitCode === 0) return stdout;
    throw await this.#failure(args[0] as string, stderr);
  }

  /** The same of what may have no end; undefined: it is more than so many letters. */
  async list(args: readonly string[], mostLetters: number): Promise<string | undefined> {
    const said = await this.attempt(args, { mostOutput: mostLetters }).catch((error: unknown) => {
      if (isStatectlError(error) && error.code === 'program-output') return undefined;
      throw error;
    });
    if (said === undefined || said.exitCode === 0) return said?.stdout;
    throw await this.#failure(args[0] as string, said.stderr);
  }

  /** The same where "no", exit status 1, is an answer: undefined. A repository that git cannot read gives none. */
  async ask(args: readonly string[]): Promise<string | undefined> {
    const { exitCode, stdout, stderr } = await this.attempt(args);
    if (exitCode > 1) throw await this.#failure(args[0] as string, stderr);
    return exitCode === 0 ? stdout.trim() : undefined;
  }

  /** The same where the exit status is the answer. */
  async attempt(args: readonly string[], { env, ...words }: Words = {}): Promise<RunResult> {
    const { gitDir } = await this.place();
    return await this.#exec(args, { ...words, env: { GIT_DIR: gitDir, ...env } });
  }

  /** Makes an empty repository where there is none. */
  async init(): Promise<void> {
    const bare = this.#isBare ? ['--bare', '--shared=group', '--object-format=sha1'] : [];
    const words = ['init', '--quiet', '--initial-branch=main', '--template=', ...bare];
    const { exitCode, stderr } = await this.#exec(words, { env: { GIT_DIR: this.#own } });
    if (exitCode !== 0) throw await this.#failure('init', stderr);
  }

  /** Throws `git-unusable`: see `findGitPlace`. */
  place(): Promise<GitPlace> {
    this.#place ??= this.lookAgain();
    return this.#place;
  }

  /** The same as it is now. */
  lookAgain(): Promise<GitPlace> {
    const place = findGitPlace(this.#host.files, this.#dir, this.#own);
    this.#place = place;
    place.catch(() => {
      this.#place = undefined;
    });
    return place;
  }

  #exec(args: readonly string[], { env, ...words }: Words): Promise<RunResult> {
    const settings = SAFE.flatMap((setting) => ['-c', setting]);
    return this.#host.exec.run(['git', '--no-pager', ...settings, ...args], {
      cwd: this.#dir,
      env: { ...ENVIRONMENT, ...(!this.#isBare && { GIT_WORK_TREE: this.#dir }), ...env },
      timeoutMs: GIT_MS,
      ...words,
    });
  }

  async #failure(verb: string, stderr: string): Promise<StatectlError> {
    const message = `git ${verb} in ${this.#dir}: ${reasonIn(stderr)}`;
    return new StatectlError('git-failed', message, { hint: await this.#hintFor(stderr) });
  }

  async #hintFor(stderr: string): Promise<string> {
    const [, lock] = /'([^']+\.lock)': File exists/.exec(stderr) ?? [];
    if (lock) return `another git works there, or one was killed; when none works there, remove ${lock}`;
    if (/no space left|out of disk ?space|quota exceeded/i.test(stderr)) return 'make room, and do it again';
    const owner = await ownerOf(this.#host.files, this.#dir);
    if (owner && /permission|denied|not permitted/i.test(stderr)) {
      const name = await nameOf(this.#host.files, owner.uid);
      return `statectl works there as ${name}, to whom it belongs: chown -hR ${name} ${this.#dir}`;
    }
    return `look with: git -C ${this.#dir} status`;
  }
}

/** git's own reason; what comes below it is advice for a person at a terminal. */
const reasonIn = (stderr: string): string => {
  const lines = stderr.trim().split('\n');
  return lines.find((line) => /^(?:fatal|error): /.test(line)) ?? (lines.at(-1) || 'it failed and did not say why');
};
