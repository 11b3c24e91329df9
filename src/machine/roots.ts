import type { AppendStream, Files, Host } from '../host/host.ts';
import { type Mount, parseMounts } from '../host/kernel/mount-table.ts';
import { IMAGE_MOUNT } from './paths.ts';

/**
 * Where the parts of a machine are for whoever puts it together. Facts and plans have the paths that the running machine will
 * have; who does a step, or shows it, joins them with these.
 */
export interface Roots {
  /** '' for the root of who works. */
  readonly system: string;
  /** The mounted image, without what is mounted over it. */
  readonly image: string;
  /** The persistent file system. */
  readonly userData: string;
  readonly run: string;
}

/** The machine is the one that runs. */
export const RUNNING: Roots = { system: '', image: IMAGE_MOUNT, userData: '/user-data', run: '/run' };

const isBelow = (path: string, folder: string): boolean => path === folder || path.startsWith(`${folder}/`);

/**
 * Where a path of the machine is; what is no absolute path is itself (`tmpfs`, `LABEL=data`), and so is what is the kernel's own:
 * there is one of each, whichever root is meant. Pure.
 */
export function at({ system, image, userData, run }: Roots, path: string): string {
  if (!path.startsWith('/')) return path;
  if (path === '/') return system || path;
  const [, top] = path.split('/', 2);
  switch (top) {
    case 'dev':
    case 'proc':
    case 'sys':
      return path;
    case 'user-data':
      return userData + path.slice('/user-data'.length);
    case 'run':
      return isBelow(path, IMAGE_MOUNT) ? image + path.slice(IMAGE_MOUNT.length) : run + path.slice('/run'.length);
    default:
      return system + path;
  }
}

/** A host whose files are asked for by the paths of the machine. */
export interface MachineHost extends Host {
  readonly roots: Roots;
  /** The host as it is: a program needs paths that are joined. */
  readonly own: Host;
}

export const machineHost = (host: Host, roots: Roots): MachineHost => ({
  ...host,
  roots,
  own: host,
  files: filesAt(host.files, roots),
});

/** What is mounted where, by the paths of who works: compare with `at`. */
export const machineMounts = async ({ files }: Pick<Host, 'files'>): Promise<readonly Mount[]> =>
  parseMounts(await files.readText('/proc/mounts'));

/** Files by the paths of the machine. */
export function filesAt(files: Files, roots: Roots): Files {
  const here = (path: string): string => at(roots, path);
  return {
    read: (path) => files.read(here(path)),
    readText: (path) => files.readText(here(path)),
    readRegular: (path, limitBytes) => files.readRegular(here(path), limitBytes),
    write: (path, data, options) => files.write(here(path), data, options),
    append: (path, data) => files.append(here(path), data),
    overwrite: (path, start, data) => files.overwrite(here(path), start, data),
    mkdir: (path, mode) => files.mkdir(here(path), mode),
    symlink: (target, path) => files.symlink(target, here(path)),
    readlink: (path) => files.readlink(here(path)),
    list: (path) => files.list(here(path)),
    stat: (path) => files.stat(here(path)),
    rename: (from, to) => files.rename(here(from), here(to)),
    remove: (path) => files.remove(here(path)),
    chmod: (path, mode) => files.chmod(here(path), mode),
    watch: (path, signal) => files.watch(here(path), signal),
    readStream: (path, start) => files.readStream(here(path), start),
    openTree: (path, owner) => files.openTree(here(path), owner),
    appendStream: (path): Promise<AppendStream> => files.appendStream(here(path)),
  };
}
