import { dirname } from 'node:path';
import { shellLine, shellQuote } from '../../../host/shell-line.ts';

/** A folder that is shown united with what the server has of it. */
export interface CacheHolder {
  /** What it is called in /proc/mounts. */
  readonly name: string;
  /** Where it is shown; what is here lies below. */
  readonly place: string;
  /** Where that can still be reached, by root alone. */
  readonly files: string;
  /** Goes when it is shown, or when it will never be. */
  readonly mark: string;
  /** Who serves it, with the descriptor 3. */
  readonly program: readonly string[];
}

/** What a kernel can do from 6.9 on: requests that were not answered are asked again. */
export const canResend = (kernelRelease: string): boolean => {
  const [, major = 0, minor = 0] = (/^(\d+)\.(\d+)/.exec(kernelRelease) ?? []).map(Number);
  return major > 6 || (major === 6 && minor >= 9);
};

/**
 * A script that mounts it and keeps its descriptor, so that whoever serves it may be killed: the next one goes on. Where it cannot be
 * mounted the plain folder is there, which is a mirror. With `stop` it takes the mount away: a name as odd as can be is quoted here alone.
 */
export function cacheHolder({ name, place, files, mark, program }: CacheHolder): string {
  const [at, below, loading] = [place, files, mark].map(shellQuote);
  return `#!/bin/sh
# Made by statectl at boot.
plain() { umount ${below}; rm -f ${loading}; exit 1; }
if grep -q '^${name} ' /proc/mounts; then umount -l ${at}; fi
[ "$1" != stop ] || exit 0
# Whoever reached the files there would get past what is shown.
mkdir -p ${below} && chmod 0700 ${shellQuote(dirname(files))} || plain
# Private: else it would be shown there, too.
mountpoint -q ${below} || { mount --bind ${at} ${below} && mount --make-private ${below}; } || plain
modprobe fuse 2>/dev/null
# A shell ends where exec fails.
(: 3<>/dev/fuse) 2>/dev/null || plain
exec 3<>/dev/fuse
mount -i -t fuse -o fd=3,rootmode=40000,user_id=0,group_id=0,allow_other,default_permissions,nosuid,nodev ${name} ${at} || plain
until ${shellLine(program)}; do sleep 0.1; done
`;
}
