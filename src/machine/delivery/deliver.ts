import { dirname } from 'node:path';
import { reasonOf, StatectlError } from '../../error.ts';
import type { Host } from '../../host/host.ts';
import type { TaskContext } from '../../host/task-context.ts';
import { sha256Of } from '../../signed/bundle/manifest.ts';
import type { DeliveredFile, DroppedFile } from '../facts/bundle-facts.ts';

/** Writes one file of a bundle. What fails is told: a file is no reason not to boot. */
export async function deliver(step: DeliveredFile, host: Host, boot: TaskContext): Promise<void> {
  try {
    const data = await host.files.read(step.from);
    if (sha256Of(data) !== step.sha256) throw new Error(`${step.from} changed after it was verified`);
    // Flash wears: nothing is written when nothing changed.
    if (await isThere(step, data, host)) return;
    await host.files.mkdir(dirname(step.to), 0o755);
    if (step.uid === 0 && step.gid === 0) await host.files.write(step.to, data, { mode: step.mode });
    else await writeOwned(step, data, host);
  } catch (error) {
    boot.warn(`${step.to} of the bundle is not written: ${reasonOf(error)}`);
  }
}

async function isThere({ to, mode, uid, gid }: DeliveredFile, data: Buffer, { files }: Host): Promise<boolean> {
  const stat = await files.stat(to);
  const isAlike = stat?.type === 'file' && stat.mode === mode && stat.uid === uid && stat.gid === gid;
  return isAlike && stat.sizeBytes === data.length && (await files.read(to)).equals(data);
}

/** What has this name is half of what shall be there. */
export const unfinishedName = (path: string): string => `${path}.statectl-new`;

/** Under another name until it has its owner. chown(2) takes the set-user-ID bit away, so the mode comes after it. */
async function writeOwned({ to, mode, uid, gid }: DeliveredFile, data: Buffer, host: Host): Promise<void> {
  const fresh = unfinishedName(to);
  await host.files.write(fresh, data, { mode: 0o600 });
  await mustRun(host, ['chown', `${uid}:${gid}`, fresh]);
  await host.files.chmod(fresh, mode);
  await host.files.rename(fresh, to);
}

/** cp(1) keeps mode and owner, and a link a link. */
export const restoreArgv = (from: string, to: string): readonly string[] => ['cp', '-a', from, to];

/** Takes away what an earlier bundle brought; where the image has something of this name, it shows again. */
export async function drop({ path, image }: DroppedFile, host: Host, boot: TaskContext): Promise<void> {
  try {
    await host.files.remove(unfinishedName(path));
    await host.files.remove(path);
    if (image) await mustRun(host, restoreArgv(image, path));
  } catch (error) {
    boot.warn(`${path}, which no bundle brings any more, is not as it should be: ${reasonOf(error)}`);
  }
}

async function mustRun({ exec }: Host, argv: readonly string[]): Promise<void> {
  const { exitCode, stderr } = await exec.run(argv);
  if (exitCode !== 0) throw new StatectlError('deliver-failed', stderr.trim() || `${argv[0]} failed`);
}
