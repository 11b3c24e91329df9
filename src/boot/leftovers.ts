import type { Host } from '../host/host.ts';
import { parseMounts } from '../host/kernel/mount-table.ts';
import { IMAGE_MOUNT, LEASES, PYTHON, RAM_IMAGE, SKELETON, UPPERS } from '../machine/paths.ts';
import { PHASE_NAMES, type PhaseName } from './phase.ts';
import { IN_SYSROOT, USER_DATA_EARLY } from './roots.ts';

/** What a boot mounts, and in which phase; in the order in which they let go of each other: a loop device holds its file. */
const MADE_IN: readonly (readonly [place: string, phase: PhaseName])[] = [
  [IN_SYSROOT.system, 'mount'],
  [PYTHON, 'install'],
  [UPPERS, 'mount'],
  [SKELETON, 'mount'],
  [IMAGE_MOUNT, 'mount'],
  [RAM_IMAGE, 'update'],
  [USER_DATA_EARLY, 'devices'],
];
const MOVED_USER_DATA = IN_SYSROOT.userData;

/**
 * Unmounts what an earlier try mounted from this phase on, so that trying again is like the first time: the kernel refuses
 * to mount a file system twice in one place, and e2fsck to look at one that is mounted.
 */
export async function clearLeftovers(
  { files, exec, console }: Pick<Host, 'files' | 'exec' | 'console'>,
  from: PhaseName,
): Promise<void> {
  const mounts = parseMounts(await files.readText('/proc/mounts').catch(() => ''));
  const isDisk = mounts.some(({ target, type }) => target === MOVED_USER_DATA && type !== 'tmpfs');
  for (const [place, phase] of MADE_IN) {
    if (PHASE_NAMES.indexOf(phase) < PHASE_NAMES.indexOf(from)) continue;
    const targets = mounts
      .map(({ target }) => target)
      .filter((target) => target === place || target.startsWith(`${place}/`));
    // A package that lies over a folder of the root, before the packages themselves.
    if (place === PYTHON)
      for (const { source, type, target } of mounts)
        if (source === 'python' && type === 'overlay' && !targets.includes(target)) targets.push(target);
    // The disk goes back to where it was mounted first.
    if (place === USER_DATA_EARLY && isDisk) targets.push(USER_DATA_EARLY);
    for (const target of targets.toSorted((a, b) => b.length - a.length)) {
      const argv =
        target === MOVED_USER_DATA && isDisk ? ['mount', '--move', target, USER_DATA_EARLY] : ['umount', target];
      const { exitCode, stderr } = await exec.run(argv);
      if (exitCode === 0) continue;
      // A shell that somebody left open there, say. What is detached goes when the last one leaves.
      console.line('warning', `cannot clear what the boot before left on ${target}, detaching it: ${stderr.trim()}`);
      if (argv[0] === 'umount') await exec.run(['umount', '-l', target]);
    }
  }
}

/** The address that an earlier try got may be the reason why it failed: the next one asks DHCP again. */
export async function forgetLeases({ files }: Pick<Host, 'files'>, from: PhaseName): Promise<void> {
  if (PHASE_NAMES.indexOf(from) > PHASE_NAMES.indexOf('network')) return;
  for (const name of await files.list(LEASES).catch(() => [])) await files.remove(`${LEASES}/${name}`);
}
