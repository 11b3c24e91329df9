import type { Host } from '../host.ts';
import { drbdsetupStatus, drbdVersion, moduleVersion, type VolumeStatus, volumeStatus } from './drbd-status.ts';

type Kernel = Pick<Host, 'files' | 'exec'>;

const readDrbd = (files: Host['files']): Promise<string> => files.readText('/proc/drbd').catch(() => '');

/** The version of the module that is loaded: `8.4.11`, `9.2.18`; undefined: none is. */
export const loadedDrbd = async (files: Host['files']): Promise<string | undefined> =>
  moduleVersion(await readDrbd(files));

/**
 * How a volume stands; undefined: the kernel has no such volume. 8.4 says it by its minor in /proc/drbd, 9 by its name to
 * `drbdsetup`, which is run by these words. Throws where there is no such program.
 */
export async function drbdStatus(
  { files, exec }: Kernel,
  { resource, minor }: { readonly resource: string; readonly minor: number },
  drbdsetup: readonly string[],
): Promise<VolumeStatus | undefined> {
  const said = await readDrbd(files);
  if (drbdVersion(moduleVersion(said)) !== 9) return volumeStatus(said, minor);
  const { stdout } = await exec.run([...drbdsetup, 'status', '--json', resource]);
  return drbdsetupStatus(stdout, resource);
}
