import { dirname } from 'node:path';
import { reasonOf, StatectlError } from '../../error.ts';
import { unfinishedName } from '../../machine/delivery/deliver.ts';
import { deliveryPlaces } from '../../machine/delivery/delivery.ts';
import { IDENTITY, type IdentityState } from '../../machine/identity/identity.ts';
import { machineHost, RUNNING } from '../../machine/roots.ts';
import type { DeliveredSecret } from '../../protocol/secrets.ts';
import { sha256Of } from '../../signed/bundle/manifest.ts';
import type { AgentHost } from '../agent.ts';

type Kept = IdentityState['secrets'];

/**
 * Replaces the secrets of a running system, in RAM: each file as a whole, with its owner and mode before anybody can open it.
 * One that is as it was is not touched, one that config.d gives no more goes. Gives what is there then, without what it is.
 */
export async function replaceSecrets(
  host: AgentHost,
  before: Kept,
  secrets: readonly DeliveredSecret[],
  warn: (text: string) => void,
): Promise<Kept> {
  const { files } = host;
  const place = await deliveryPlaces(machineHost(host, RUNNING));
  await files.mkdir(`${IDENTITY}/secrets`, 0o711);
  const now: Kept[number][] = [];
  for (const { content, ...secret } of secrets) {
    const { path, owner, group, credential } = secret;
    const file =
      before.find((other) => other.path === path)?.file ?? `${IDENTITY}/secrets/${sha256Of(path).slice(0, 16)}`;
    try {
      const { to, uid, gid } = await place({ path, owner, group });
      await replaceFile(host, file, Buffer.from(content, 'base64'), { uid, gid });
      await replaceLink(host, to, file);
      if (credential) await replaceLink(host, `${CREDENTIALS}/${credential}`, file);
      now.push({ ...secret, file });
    } catch (error) {
      warn(`the secret for ${path} is not delivered: ${reasonOf(error)}`);
      // What is there of it stays known.
      now.push(...before.filter((other) => other.path === path));
    }
  }
  for (const { path, file, credential } of before) {
    const current = now.find((other) => other.path === path);
    if (credential && credential !== current?.credential) await removeLink(host, `${CREDENTIALS}/${credential}`, file);
    if (current) continue;
    // Its owner may have gone with it.
    const there = await place({ path, owner: 'root', group: 'root' }).catch(() => undefined);
    if (there) await removeLink(host, there.to, file);
    await files.remove(file);
  }
  return now;
}

const CREDENTIALS = '/run/credstore';

async function replaceFile(
  { files, exec }: AgentHost,
  path: string,
  content: Buffer,
  { uid, gid }: { readonly uid: number; readonly gid: number },
): Promise<void> {
  const stat = await files.stat(path);
  const isOwned = stat?.type === 'file' && stat.mode === 0o600 && stat.uid === uid && stat.gid === gid;
  if (isOwned && (await files.read(path)).equals(content)) return;
  const fresh = unfinishedName(path);
  await files.write(fresh, content, { mode: 0o600 });
  if (uid !== 0 || gid !== 0) {
    const { exitCode, stderr } = await exec.run(['chown', `${uid}:${gid}`, fresh]);
    if (exitCode !== 0) throw new StatectlError('owner-failed', stderr.trim() || 'chown failed');
  }
  await files.rename(fresh, path);
}

async function replaceLink({ files }: AgentHost, path: string, target: string): Promise<void> {
  const stat = await files.stat(path);
  if (stat?.type === 'symlink' && (await files.readlink(path)) === target) return;
  await files.mkdir(dirname(path), path.startsWith(`${CREDENTIALS}/`) ? 0o700 : undefined);
  const fresh = unfinishedName(path);
  await files.remove(fresh);
  await files.symlink(target, fresh);
  await files.rename(fresh, path);
}

/** Only the link that we made: something else there is somebody's. */
async function removeLink({ files }: AgentHost, path: string, target: string): Promise<void> {
  const isOurs = (await files.stat(path))?.type === 'symlink' && (await files.readlink(path)) === target;
  if (isOurs) await files.remove(path);
}
