import { isSea } from 'node:sea';
import { isStatectlError, StatectlError } from '../../../error.ts';
import type { Exec } from '../../../host/host.ts';
import type { CheckedDatabase } from '../../../host/linux/databases/check-database.ts';
import { recordOrNone } from '../../../host/record.ts';
import { turns } from '../../limits/turns.ts';
import type { SnapshotShape } from './check-generation.ts';

/** Why the generation in a file is no good, or which jobs it has. Throws where that could not be looked at. */
export type CheckGeneration = (tar: string, shape: SnapshotShape) => Promise<CheckedDatabase>;

export interface CheckLimits {
  readonly timeMs: number;
  /** Of the process, Node in it too. */
  readonly memoryMib: number;
}

/** A sound one takes milliseconds per MiB. Node alone reserves half of the memory, for code that it never makes. */
const LIMITS: CheckLimits = { timeMs: 30_000, memoryMib: 1_280 };

/** Each is a process that may take a core; who ships has its own bound. */
const CHECKING = { atOnce: 2, waiting: 4_096, each: 1 };

const TOO_MUCH = 'it cannot be checked within';

/**
 * Checks a generation in a process of its own: whatever a stranger's database makes SQLite do, the server goes on. What takes more
 * than the limits is no good.
 */
export function checkGenerationApart(exec: Exec, limits: CheckLimits = LIMITS): CheckGeneration {
  const checking = turns(CHECKING);
  return (tar, shape) => checking.take(tar, () => runCheck(exec, limits, tar, shape));
}

async function runCheck(exec: Exec, limits: CheckLimits, tar: string, shape: SnapshotShape): Promise<CheckedDatabase> {
  const seconds = Math.ceil(limits.timeMs / 1000);
  const bounds = `ulimit -c 0; ulimit -t ${seconds}; ulimit -d ${limits.memoryMib * 1024}; exec "$@"`;
  const argv = ['sh', '-c', bounds, 'sh', process.execPath, ...programOf(tar, shape)];
  try {
    const { exitCode, stdout } = await exec.run(argv, { timeoutMs: limits.timeMs });
    const fault = recordOrNone<{ readonly fault: string }>(stdout, { fault: 'text' });
    const good = recordOrNone<{ readonly jobs: readonly string[] }>(stdout, { jobs: 'list' });
    return fault ?? good ?? { fault: `${TOO_MUCH} ${limits.memoryMib} MiB (it ended with status ${exitCode})` };
  } catch (error) {
    if (isStatectlError(error) && error.code === 'program-timeout') return { fault: `${TOO_MUCH} ${seconds} s` };
    throw new StatectlError('check-failed', 'the check of what a machine shipped cannot be run', { cause: error });
  }
}

/** From the executable by its verb; in a checkout that file alone, which starts ten times as fast. */
const programOf = (tar: string, shape: SnapshotShape): readonly string[] =>
  isSea()
    ? ['printer', 'check', '--json', ...optionsOf(shape), '--', tar]
    : [
        '--input-type=module',
        '-e',
        `import { checkGeneration } from ${JSON.stringify(new URL('./check-generation.ts', import.meta.url).href)};
         console.log(JSON.stringify(await checkGeneration(process.argv[1], ${JSON.stringify(shape)})));`,
        '--',
        tar,
      ];

const optionsOf = ({ files, tables, with: beside }: SnapshotShape): readonly string[] => [
  ...files.map((name) => `--file=${name}`),
  ...tables.map((name) => `--table=${name}`),
  ...beside.map((name) => `--with=${name}`),
];
