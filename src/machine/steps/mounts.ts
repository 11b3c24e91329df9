import { StatectlError } from '../../error.ts';
import { parseMounts } from '../../host/kernel/mount-table.ts';
import { escapeOctal } from '../../host/kernel/octal-escapes.ts';
import { shellLine, shellQuote } from '../../host/shell-line.ts';
import { kind } from './kind.ts';
import { lastLine, mustRun } from './must-run.ts';

interface Mount {
  readonly source: string;
  readonly target: string;
  /** A file system type, `bind`, `move`, or `remount` for the options of a bind: mount(2) ignores them at first. */
  readonly type: string;
  readonly options: readonly string[];
}

interface CheckMount {
  readonly target: string;
  readonly type: string;
  readonly access: 'read-only' | 'read-write';
}

/** Layers of an overlay: colons part them. */
const LAYERS = /^(lowerdir|upperdir|workdir)=(.*)$/;

const locatedOption = (option: string, at: (path: string) => string): string => {
  const [, name, paths] = LAYERS.exec(option) ?? [];
  return name && paths !== undefined ? `${name}=${paths.split(':').map(at).join(':')}` : option;
};

/** The argument vector of mount(8). */
export function mountArgv({ source, target, type, options }: Mount): readonly string[] {
  if (type === 'move') return ['mount', '--move', source, target];
  if (type === 'bind') return ['mount', '-o', 'bind', source, target];
  if (type === 'remount') return ['mount', '-o', ['remount', 'bind', ...options].join(','), source, target];
  return ['mount', '-t', type, ...(options.length > 0 ? ['-o', options.join(',')] : []), source, target];
}

const checkArgv = (type: string, device: string): readonly string[] => [`fsck.${type}`, '-p', device];

/** File systems: looked at, mounted, and looked at again. */
export const mounts = {
  'check-filesystem': kind<{ readonly device: string; readonly type: string }>({
    describe: ({ type, device }) => `check the ${type} on ${device}`,
    // Below 4: there were errors, and all were corrected.
    command: ({ type, device }) => `${shellLine(checkArgv(type, device))} || [ $? -lt 4 ]`,
    async apply({ device, type }, host, task) {
      const { exitCode, stdout, stderr } = await host.exec.run(checkArgv(type, device));
      // fsck(8), bits: 1 = errors corrected, 2 = and one that is mounted is to be mounted anew, which this is not; 4 = errors left, and
      // from there on what kept it from looking.
      if (exitCode > 0 && exitCode < 4) task.warn(`the ${type} on ${device} had errors; they were corrected`);
      else if (exitCode !== 0)
        throw new StatectlError(
          'filesystem-damaged',
          `the ${type} on ${device} needs repair: ${lastLine({ exitCode, stdout, stderr })}`,
          { hint: `run \`fsck.${type} ${device}\` in the rescue shell, then \`statectl rescue retry\`` },
        );
    },
  }),

  mount: kind<Mount>({
    located: (step, at) => ({
      ...step,
      source: at(step.source),
      target: at(step.target),
      options: step.options.map((option) => locatedOption(option, at)),
    }),
    describe({ source, target, type, options }) {
      if (type === 'remount') return `${options.join(', ')} on ${target}`;
      return type === 'tmpfs' ? `tmpfs on ${target}` : `${type} on ${target} from ${source}`;
    },
    command: (step) => shellLine(mountArgv(step)),
    apply: (step, host) =>
      mustRun(host, mountArgv(step), 'mount-failed', `see what is there with: blkid; dmesg | tail`),
  }),

  'check-mount': kind<CheckMount>({
    located: (step, at) => ({ ...step, target: at(step.target) }),
    describe: ({ target, type, access }) => `${target} is ${type}, ${access}`,
    command: ({ target, type, access }) =>
      `grep -qF ${shellQuote(` ${escapeOctal(target)} ${type} ${access === 'read-only' ? 'ro' : 'rw'}`)} /proc/mounts`,
    async apply({ target, type, access }, { files }) {
      const mount = parseMounts(await files.readText('/proc/mounts')).findLast(
        (candidate) => candidate.target === target,
      );
      if (!mount)
        throw new StatectlError('mount-check', `nothing is mounted on ${target}, expected ${type}`, {
          hint: 'cat /proc/mounts',
        });
      if (mount.type !== type)
        throw new StatectlError('mount-check', `${target} is ${mount.type}, expected ${type}`, {
          hint: 'cat /proc/mounts',
        });
      const actual = mount.options.includes('ro') ? 'read-only' : 'read-write';
      if (actual !== access)
        throw new StatectlError('mount-check', `${target} is ${actual}, expected ${access}`, {
          hint: 'dmesg | tail says why the kernel made it so',
        });
    },
  }),
};
