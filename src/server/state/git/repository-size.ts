import { StatectlError } from '../../../error.ts';
import type { ConfigRepository } from './repository.ts';

/** Each commit leaves some three. */
const MOST_LOOSE = 2_000;

/** What it takes on the disk. Throws `git-failed`. */
export async function repositorySize({ git }: ConfigRepository) {
  const said = await git.run(['count-objects', '-v']);
  const of = (key: string): number => Number(new RegExp(`^${key}: (\\d+)$`, 'm').exec(said)?.[1] ?? 0);
  return { bytes: (of('size') + of('size-pack')) * 1024, loose: of('count') };
}

/**
 * Packs what lies about, since a config is nearly the same each time; says so where there is no more room: a history is not cut by
 * itself. Throws `state-full`, `git-failed`.
 */
export async function tidyRepository(repository: ConfigRepository, quotaBytes: number): Promise<void> {
  const { loose } = await repositorySize(repository);
  if (loose > MOST_LOOSE) await repository.git.run(['repack', '-d', '-l', '-q']);
  const { bytes } = await repositorySize(repository);
  if (bytes <= quotaBytes) return;
  throw new StatectlError(
    'state-full',
    `${repository.path} has ${bytes} bytes, more than the printer's quota of ${quotaBytes}`,
    {
      hint: 'give the printer a larger quota in system/state.conf, or shorten the history by hand',
    },
  );
}
