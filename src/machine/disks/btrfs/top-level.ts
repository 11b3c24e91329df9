import { StatectlError } from '../../../error.ts';
import type { Host } from '../../../host/host.ts';
import { shellLine } from '../../../host/shell-line.ts';
import { lastLine } from '../../steps/must-run.ts';

const MOUNT = '/run/statectl/btrfs';

/** A btrfs as a whole, mounted for a moment where nobody else looks. */
export interface TopLevel {
  readonly at: string;
  /** btrfs(8) with these words; throws `btrfs-failed`. */
  readonly btrfs: (...words: readonly string[]) => Promise<void>;
}

/** Mounts the top level of a btrfs, whichever subvolume others see of it, and unmounts it whatever happens. Throws `btrfs-failed`. */
export async function withTopLevel<T>(
  host: Pick<Host, 'files' | 'exec'>,
  device: string,
  act: (top: TopLevel) => Promise<T>,
): Promise<T> {
  const run = async (argv: readonly string[]): Promise<void> => {
    const result = await host.exec.run(argv);
    if (result.exitCode !== 0)
      throw new StatectlError('btrfs-failed', `\`${shellLine(argv)}\` failed: ${lastLine(result)}`, {
        hint: 'dmesg | tail says whether the file system is damaged; `btrfs check --readonly` looks closer',
      });
  };
  await host.files.mkdir(MOUNT, 0o700);
  await run(['mount', '-t', 'btrfs', '-o', 'subvolid=5,noatime', device, MOUNT]);
  try {
    return await act({ at: MOUNT, btrfs: (...words) => run(['btrfs', ...words]) });
  } finally {
    await run(['umount', MOUNT]);
  }
}
