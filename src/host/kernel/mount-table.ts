import { StatectlError } from '../../error.ts';
import { unescapeOctal } from './octal-escapes.ts';

/** One mount of this process's namespace. Of several on one mount point, the last of the list is what one sees. */
export interface MountInfo {
  readonly mountPoint: string;
  /** Which directory of the file system is mounted; other than `/` for a bind mount. */
  readonly root: string;
  readonly fsType: string;
  readonly source: string;
  /** Of this mount: `ro`, `nosuid`, … */
  readonly options: readonly string[];
  /** Of the file system: `rw`, `lowerdir=/a:/b`, `size=1024k`, … */
  readonly superOptions: readonly string[];
}

/** Commas inside a value are escaped by the kernel, so the list is taken apart first. */
const optionsOf = (text: string): readonly string[] => text.split(',').map(unescapeOctal);

function parseLine(line: string): MountInfo {
  const fields = line.split(' ');
  // Between the mount's options and the dash stand any number of tags such as `shared:1`.
  const dash = fields.indexOf('-', 6);
  const [, , , root, mountPoint, options] = fields;
  const [fsType, source, superOptions] = fields.slice(dash + 1);
  if (dash < 0 || !root || !mountPoint || !options || !fsType || source === undefined || superOptions === undefined)
    throw new StatectlError('mountinfo-invalid', `not a line of /proc/self/mountinfo: ${JSON.stringify(line)}`);
  return {
    mountPoint: unescapeOctal(mountPoint),
    root: unescapeOctal(root),
    fsType: unescapeOctal(fsType),
    source: unescapeOctal(source),
    options: optionsOf(options),
    superOptions: optionsOf(superOptions),
  };
}

/** Reads /proc/self/mountinfo, see proc_pid_mountinfo(5). Throws `mountinfo-invalid`. */
export const parseMountInfo = (text: string): readonly MountInfo[] =>
  text
    .split('\n')
    .filter((line) => line !== '')
    .map(parseLine);

/** One line of /proc/mounts, as fstab(5) has them. */
export interface Mount {
  readonly source: string;
  readonly target: string;
  readonly type: string;
  readonly options: readonly string[];
}

/** Reads /proc/mounts, oldest first: less than mountinfo has, of which /proc/self/mounts makes one list of options. */
export const parseMounts = (text: string): readonly Mount[] =>
  text
    .split('\n')
    .filter(Boolean)
    .map((line) => {
      const [source = '', target = '', type = '', options = ''] = line.split(' ');
      return { source: unescapeOctal(source), target: unescapeOctal(target), type, options: optionsOf(options) };
    });
