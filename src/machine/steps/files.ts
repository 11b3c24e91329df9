import { dirname } from 'node:path';
import { shellLine, shellQuote } from '../../host/shell-line.ts';
import { kind, onFromAndTo, onPath } from './kind.ts';
import { mustRun } from './must-run.ts';
import { octal } from './shell-text.ts';

interface Owner {
  readonly path: string;
  readonly uid: number;
  readonly gid: number;
}

interface Write {
  readonly path: string;
  readonly content: string;
  /** How `content` stands for the bytes; default utf8. */
  readonly encoding?: 'base64';
  /** Permission bits; default 0644. */
  readonly mode?: number;
}

interface Copy {
  readonly from: string;
  readonly to: string;
  readonly what: 'everything' | 'skeleton';
}

const ownerArgv = ({ uid, gid, path }: Owner): readonly string[] => ['chown', `${uid}:${gid}`, path];

/** A skeleton is made by copying all without contents, then removing the empty files. busybox' find(1) has no -delete. */
const copyArgvs = ({ from, to, what }: Copy): readonly (readonly string[])[] =>
  what === 'everything'
    ? [['cp', '-a', `${from}/.`, `${to}/`]]
    : [
        ['cp', '-a', '--attributes-only', `${from}/.`, `${to}/`],
        ['find', to, '-xdev', '!', '-type', 'd', '!', '-type', 'l', '-exec', 'rm', '-f', '{}', '+'],
      ];

/** Files and folders. */
export const files = {
  mkdir: kind<{ readonly path: string; readonly mode?: number }>({
    located: onPath,
    describe: ({ path }) => `directory ${path}`,
    command: ({ path, mode }) => shellLine(['mkdir', '-p', ...(mode === undefined ? [] : ['-m', octal(mode)]), path]),
    apply: ({ path, mode }, { files }) => files.mkdir(path, mode),
  }),

  owner: kind<Owner>({
    located: onPath,
    describe: ({ path, uid, gid }) => `${path} belongs to ${uid}:${gid}`,
    command: (step) => shellLine(ownerArgv(step)),
    apply: (step, host) => mustRun(host, ownerArgv(step), 'owner-failed', `look at it with: ls -ld ${step.path}`),
  }),

  symlink: kind<{ readonly target: string; readonly path: string }>({
    located: onPath,
    describe: ({ path, target }) => `link ${path} to ${target}`,
    command: ({ path, target }) => shellLine(['ln', '-sfT', target, path]),
    async apply({ target, path }, { files }) {
      // A directory in its place may hold what nobody wants to lose: then this fails, as `ln -sfT` does.
      if ((await files.stat(path))?.type !== 'dir') await files.remove(path);
      await files.symlink(target, path);
    },
  }),

  write: kind<Write>({
    located: onPath,
    describe: ({ path }) => `write ${path}`,
    command: ({ path, content, encoding, mode }) => {
      const quoted = shellQuote(path);
      return `rm -f ${quoted} && printf %s ${shellQuote(content)} ${encoding === 'base64' ? '| base64 -d ' : ''}> ${quoted} && chmod ${octal(mode ?? 0o644)} ${quoted}`;
    },
    apply: ({ path, content, encoding, mode }, { files }) =>
      files.write(path, Buffer.from(content, encoding ?? 'utf8'), { mode: mode ?? 0o644 }),
  }),

  copy: kind<Copy>({
    located: onFromAndTo,
    describe: ({ from, to, what }) =>
      what === 'everything' ? `copy ${from} to ${to}` : `skeleton of ${from} in ${to}`,
    command: (step) =>
      step.what === 'everything'
        ? copyArgvs(step).map(shellLine).join(' && ')
        : // ash takes its own cp(1), which knows no --attributes-only, whatever PATH says.
          `( cd ${shellQuote(step.from)} && find . -xdev '(' -type d -o -type l ')' | cpio -o -H newc ) | ( cd ${shellQuote(step.to)} && cpio -idmu )`,
    async apply(step, host) {
      for (const argv of copyArgvs(step))
        await mustRun(host, argv, 'copy-failed', `see how much room is left with: df ${step.to}`);
    },
  }),

  'copy-file': kind<{ readonly from: string; readonly to: string; readonly mode: number }>({
    located: onFromAndTo,
    describe: ({ from, to }) => `${to} from ${from}`,
    command: ({ from, to, mode }) =>
      [
        ['mkdir', '-p', dirname(to)],
        ['rm', '-f', to],
        ['cp', from, to],
        ['chmod', octal(mode), to],
      ]
        .map(shellLine)
        .join(' && '),
    async apply({ from, to, mode }, { files }) {
      await files.mkdir(dirname(to), 0o755);
      await files.write(to, await files.read(from), { mode });
    },
  }),

  rename: kind<{ readonly from: string; readonly to: string }>({
    located: onFromAndTo,
    describe: ({ from, to }) => `move ${from} to ${to}`,
    command: ({ from, to }) => shellLine(['mv', '-T', from, to]),
    apply: ({ from, to }, { files }) => files.rename(from, to),
  }),

  remove: kind<{ readonly path: string }>({
    located: onPath,
    describe: ({ path }) => `remove ${path}`,
    command: ({ path }) => shellLine(['rm', '-rf', path]),
    apply: ({ path }, { files }) => files.remove(path),
  }),
};
