import type { Config } from '../../config/config.ts';
import { writePath } from '../../config/tree/tree.ts';
import { entryOf } from '../../entry-of.ts';
import { reasonOf, StatectlError } from '../../error.ts';
import { parseMounts } from '../../host/kernel/mount-table.ts';
import type { TaskContext } from '../../host/task-context.ts';
import { blockDevices } from '../../machine/facts/block-devices.ts';
import type { Facts } from '../../machine/facts/facts.ts';
import { applyStep } from '../../machine/steps/step.ts';
import type { AgentHost } from '../agent.ts';
import { standingLocks } from '../printers/standing-locks.ts';
import type { AppliedRecord, NeedsReboot } from './applied-record.ts';
import { type MountStep, planMountChanges } from './plan-mounts.ts';

export interface MountsChanged {
  /** Mount points that are as fstab.conf has them now. */
  readonly applied: readonly string[];
  readonly needsReboot: readonly NeedsReboot[];
  /** What the running system is as: entries that could not be changed are as before. */
  readonly fstab: Config['fstab'];
}

/**
 * Mounts what is new, unmounts what is gone, changes options; what is busy or in the way waits for a reboot. While something must
 * not be disturbed nothing of it is done: a print may read from any of them, and a disk that is checked and mounted is a burst.
 */
export async function changeMounts(
  host: AgentHost,
  { fstab: before, meanwhile }: Pick<AppliedRecord, 'fstab' | 'meanwhile'>,
  { config, root: { blocks: known = [] } }: Pick<Facts, 'config' | 'root'>,
  context: TaskContext,
): Promise<MountsChanged> {
  const now = config.fstab;
  if (JSON.stringify(before) === JSON.stringify(now) && !meanwhile)
    return { applied: [], needsReboot: [], fstab: before };
  const { files } = host;
  const [lock] = await standingLocks(host);
  const plans = planMountChanges({
    before,
    meanwhile: meanwhile?.fstab ?? {},
    now,
    mounts: parseMounts(await files.readText('/proc/mounts')),
    blocks: await blockDevices(host).catch(() => known),
    places: [...Object.keys(config.overlays), ...Object.keys(config.tmpfs)],
  });
  const applied: string[] = [];
  const needsReboot: NeedsReboot[] = [];
  const fstab: Record<string, Config['fstab'][string]> = { ...now };
  for (const plan of plans)
    try {
      if ('needsReboot' in plan) throw new StatectlError('mount-needs-reboot', plan.needsReboot);
      if (lock) throw new StatectlError('locked', `it waits for ${lock.name} (${lock.holder}: ${lock.what})`);
      for (const step of plan.steps) await applyMountStep(step, host, context);
      applied.push(plan.mountPoint);
    } catch (error) {
      context.signal.throwIfAborted();
      const { mountPoint } = plan;
      needsReboot.push({
        path: writePath(['fstab', mountPoint]),
        why: reasonOf(error),
        ...(lock && !('needsReboot' in plan) && { waits: true }),
      });
      // It is tried again at the next look.
      const old = entryOf(before, mountPoint);
      if (old) fstab[mountPoint] = old;
      else delete fstab[mountPoint];
    }
  return { applied, needsReboot, fstab };
}

async function applyMountStep(step: MountStep, host: AgentHost, context: TaskContext): Promise<void> {
  if (step.kind === 'unmount') await mustRun(host, ['umount', step.target]);
  else if (step.kind === 'remount')
    await mustRun(host, ['mount', '-o', ['remount', ...step.options].join(','), step.source, step.target]);
  else await applyStep(step, host, context);
}

async function mustRun({ exec }: AgentHost, argv: readonly string[]): Promise<void> {
  const { exitCode, stderr } = await exec.run(argv);
  if (exitCode !== 0)
    throw new StatectlError('mount-failed', stderr.trim().split('\n').at(-1) || `exit status ${exitCode}`);
}
