import { getArgument, initArguments } from '../../config/command-line/command-line.ts';
import { StatectlError } from '../../error.ts';
import type { Host } from '../../host/host.ts';
import { resolveInTree } from '../../host/tree.ts';
import type { Phase } from '../phase.ts';
import { IN_SYSROOT } from '../roots.ts';

/** Tried in this order when `init=` names none, as the kernel does (init/main.c). */
const INITS = ['/sbin/init', '/etc/init', '/bin/init', '/bin/sh'];

/** The last look before the point of no return: is there an init, and can it run? */
export const handover: Phase = {
  name: 'handover',
  roots: IN_SYSROOT,
  rounds: [
    {
      async gather(host, facts, boot) {
        const wanted = getArgument(facts.commandLine, 'init')?.value;
        const path = await findInit(host, wanted ? [wanted] : INITS);
        if (path === '/bin/sh' && !wanted) boot.warn('the image has no init: handing over to its shell');
        return { root: { init: { path, arguments: initArguments(facts.commandLine) } } };
      },
      plan: ({ root: { init } }) =>
        init ? [{ kind: 'switch-root', root: '/', init: init.path, arguments: init.arguments }] : [],
    },
  ],
};

async function findInit(host: Host, candidates: readonly string[]): Promise<string> {
  for (const path of candidates) if (await isExecutable(host, path)) return path;
  throw new StatectlError('init-missing', `the root has no executable ${candidates.join(', ')}`, {
    hint: 'name its init with init=PATH on the kernel command line, or build the image with an init system (systemd-sysv, sysvinit-core, busybox)',
  });
}

/** Absolute links lead inside the root, not into the initramfs. */
async function isExecutable({ files }: Host, path: string): Promise<boolean> {
  const real = await resolveInTree(files, '/', path).catch(() => undefined);
  return real?.stat.type === 'file' && (real.stat.mode & 0o111) !== 0;
}
