import { StatectlError } from '../../error.ts';
import type { Host } from '../../host/host.ts';

type GitHost = Pick<Host, 'exec'>;

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
  LC_ALL: 'C',
};

/** The repository in a config.d: `git -C DIR`, told its own git directory, so that one around it is never meant. */
export class Git {
  readonly #host: GitHost;
  readonly #dir: string;

  constructor(host: GitHost, dir: string) {
    this.#host = host;
    this.#dir = dir;
  }

  /** What git prints. Throws `git-failed` with git's own words. */
  async run(args: readonly string[], input?: string): Promise<string> {
    const { exitCode, stdout, stderr } = await this.#exec(args, input);
    if (exitCode === 0) return stdout;
    throw new StatectlError('git-failed', `git ${args[0]} in ${this.#dir}: ${lastLine(stderr)}`, {
      hint: /index\.lock/.test(stderr)
        ? `another git works there, or one was killed: when none does, remove ${this.#dir}/.git/index.lock`
        : `look with: git -C ${this.#dir} status`,
    });
  }

  /** The same where a failure is an answer: undefined. */
  async ask(args: readonly string[]): Promise<string | undefined> {
    const { exitCode, stdout } = await this.#exec(args);
    return exitCode === 0 ? stdout.trim() : undefined;
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
