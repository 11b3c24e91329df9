import { basename, dirname } from 'node:path';
import type { Config } from '../../config/config.ts';
import { entryOf } from '../../entry-of.ts';
import { reasonOf } from '../../error.ts';
import type { Host } from '../../host/host.ts';
import { parseRecord } from '../../host/record.ts';
import type { TaskContext } from '../../host/task-context.ts';
import { onMachine, resolveInTree } from '../../host/tree.ts';
import { type AccountFiles, type Home, mergeAccounts } from './account-files.ts';
import { parseAccounts } from './accounts.ts';

/** Group that may read shadow(5), on every system that has one. */
const SHADOW_MODE = 0o640;

export interface BringAccounts {
  readonly root: string;
  readonly users: Config['users'];
  /** A JSON file, hashes by user. */
  readonly passwords: string;
}

/**
 * Brings the accounts of config.d into the system that is about to start. What cannot be is told, and left as it was. In a
 * running system, `withoutDropped` takes out what config.d no longer says.
 */
export async function bringAccounts(
  { root, users, passwords }: BringAccounts,
  host: Host,
  boot: TaskContext,
  withoutDropped: (files: AccountFiles) => AccountFiles = (files) => files,
): Promise<void> {
  const { files } = host;
  const before = await readAccountFiles(host, root);
  const hashes = await readHashes(host, passwords);
  const owners = await homeOwners(root, users, host);
  const {
    files: merged,
    warnings,
    homes,
  } = mergeAccounts(
    withoutDropped(before),
    users,
    (user) => entryOf(hashes, user),
    (home) => owners.get(home),
  );
  for (const warning of warnings) boot.warn(warning);
  const shadowGroup = parseAccounts(merged.group).get('shadow') ?? 0;
  for (const [name, text] of Object.entries(merged) as [keyof AccountFiles, string][]) {
    if (text === before[name]) continue;
    const path = onMachine(root, `/etc/${name}`);
    const isSecret = name === 'shadow' || name === 'gshadow';
    await files.write(path, text, { mode: isSecret ? SHADOW_MODE : 0o644 });
    if (isSecret) await host.exec.run(['chown', `0:${shadowGroup}`, path]);
  }
  for (const home of homes) await makeHome(root, home, host, boot);
}

export async function readAccountFiles({ files }: Pick<Host, 'files'>, root: string): Promise<AccountFiles> {
  const read = (name: string) => files.readText(onMachine(root, `/etc/${name}`)).catch(() => undefined);
  const [passwd = '', group = ''] = [await read('passwd'), await read('group')];
  const [shadow, gshadow] = [await read('shadow'), await read('gshadow')];
  return { passwd, group, ...(shadow !== undefined && { shadow }), ...(gshadow !== undefined && { gshadow }) };
}

/** By user; nothing where no secrets came. */
async function readHashes({ files }: Host, path: string): Promise<Readonly<Record<string, string>>> {
  const text = await files.readText(path).catch(() => undefined);
  return text === undefined ? {} : parseRecord<Record<string, string>>(text, {});
}

/** Of homes that are there, such as on a disk: their accounts must have the same numbers again. */
async function homeOwners(root: string, { users }: Config['users'], { files }: Host) {
  const owners = new Map<string, number>();
  for (const [name, { home = `/home/${name}` }] of Object.entries(users)) {
    const found = await resolveInTree(files, root, home).catch(() => undefined);
    if (found?.stat.type === 'dir') owners.set(home, found.stat.uid);
  }
  return owners;
}

/** With what /etc/skel has, as useradd(8) makes one. One that is there is somebody's. */
async function makeHome(root: string, { path, uid, gid }: Home, host: Host, boot: TaskContext): Promise<void> {
  const parent = await resolveInTree(host.files, root, dirname(path)).catch(() => undefined);
  if (!/^\/[^/]/.test(path) || parent?.stat.type !== 'dir') return;
  const home = onMachine(root, `${parent.path === '/' ? '' : parent.path}/${basename(path)}`);
  if (await host.files.stat(home)) return;
  // Under another name until it is whole: a power cut leaves no half of a home.
  const made = `${home}.statectl-new`;
  const must = async (...argv: readonly string[]) => {
    const { exitCode, stderr } = await host.exec.run(argv);
    if (exitCode !== 0) throw new Error(stderr.trim());
  };
  try {
    await host.files.remove(made);
    await host.files.mkdir(made, 0o700);
    const skeleton = onMachine(root, '/etc/skel');
    if (await host.files.stat(skeleton)) await must('cp', '-a', `${skeleton}/.`, made);
    await must('chmod', '0700', made);
    await must('chown', '-R', `${uid}:${gid}`, made);
    await host.files.rename(made, home);
  } catch (error) {
    boot.warn(`the home ${path} cannot be made: ${reasonOf(error)}`);
  }
}
