import type { Files, Host } from '../../host/host.ts';
import { CREDENTIALS, SEGMENT_SECRETS } from '../../machine/identity/credentials.ts';
import { SYSROOT, USER_DATA_EARLY } from '../../machine/paths.ts';
import type { AgentHost } from '../agent.ts';

/** What of the running system the boot had elsewhere. */
const MOVED: readonly (readonly [early: string, now: string])[] = [
  [USER_DATA_EARLY, '/user-data'],
  [SEGMENT_SECRETS, CREDENTIALS],
  [SYSROOT, ''],
];

/** Where a path of a boot's plan is in the running system. */
export function inSystem(path: string): string {
  for (const [early, now] of MOVED)
    if (path === early || path.startsWith(`${early}/`)) return now + path.slice(early.length) || '/';
  return path;
}

/** Where the boot had a path of the running system. */
export const inBoot = (path: string): string =>
  path === '/run' || path.startsWith('/run/') ? path : SYSROOT + (path === '/' ? '' : path);

/**
 * The running system where the boot had it, below /sysroot: what the boot looks at, plans and does holds here too, by the
 * same code.
 */
export const bootView = (host: AgentHost): Host => ({
  ...host,
  files: bootFiles(host.files),
  exec: { run: (argv, options) => host.exec.run(argv.map(inSystem), options) },
});

const bootFiles = (files: Files): Files => ({
  read: (path) => files.read(inSystem(path)),
  readText: async (path) =>
    path === '/proc/mounts' ? inBootMounts(await files.readText(path)) : files.readText(inSystem(path)),
  readRegular: (path, limitBytes) => files.readRegular(inSystem(path), limitBytes),
  write: (path, data, options) => files.write(inSystem(path), data, options),
  append: (path, data) => files.append(inSystem(path), data),
  mkdir: (path, mode) => files.mkdir(inSystem(path), mode),
  symlink: (target, path) => files.symlink(target, inSystem(path)),
  readlink: (path) => files.readlink(inSystem(path)),
  list: (path) => files.list(inSystem(path)),
  stat: (path) => files.stat(inSystem(path)),
  rename: (from, to) => files.rename(inSystem(from), inSystem(to)),
  remove: (path) => files.remove(inSystem(path)),
  chmod: (path, mode) => files.chmod(inSystem(path), mode),
  readStream: (path, start) => files.readStream(inSystem(path), start),
  appendStream: (path) => files.appendStream(inSystem(path)),
});

/** /proc/mounts: the mount point is the second field. */
const inBootMounts = (text: string): string =>
  text.replace(/^(\S+) (\S+)/gm, (_, source: string, target: string) => `${source} ${inBoot(target)}`);
