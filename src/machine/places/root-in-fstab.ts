import type { InstallFacts } from '../facts/system-facts.ts';
import type { Step } from '../steps/step.ts';

/**
 * fstab(5) says of the root that it is read-only, else inits try to make it writable at each boot, and fail: those of sysvinit and
 * OpenRC where no line is there, systemd-remount-fs by the line of whoever installed the image. Pure.
 */
export function planRootInFstab({ fstab, serviceManager }: InstallFacts): readonly Step[] {
  const lines = (fstab ?? '').split('\n');
  const isRoot = (line: string) => /^\s*[^#\s]\S*\s+\/\s/.test(line);
  const options = lines.filter(isRoot).map((line) => (line.trim().split(/\s+/)[3] ?? '').split(','));
  if (options.length > 0 ? options.every((each) => each.includes('ro')) : serviceManager === 'systemd') return [];
  const others = lines.filter((line) => !isRoot(line)).join('\n');
  return [{ kind: 'write', path: '/etc/fstab', content: `rootfs / auto ro 0 0\n${others}` }];
}
