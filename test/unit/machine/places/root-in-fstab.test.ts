import { expect, it } from 'vitest';
import type { InstallFacts } from '../../../../src/machine/facts/system-facts.ts';
import { planRootInFstab } from '../../../../src/machine/places/root-in-fstab.ts';

const text = (fstab: string | undefined, serviceManager?: InstallFacts['serviceManager']) => {
  const [step] = planRootInFstab({
    ...{ machineId: '', machineIdOrigin: 'random', usesNetworkd: false, usesIfupdown: false, hasResolvConf: 'file' },
    ...(fstab !== undefined && { fstab }),
    ...(serviceManager && { serviceManager }),
  });
  return step?.kind === 'write' ? step.content : undefined;
};

it('fstab says that the root is read-only, where sysvinit or OpenRC would take it for writable', () => {
  expect(text('')).toBe('rootfs / auto ro 0 0\n');
  expect(text(undefined, 'openrc')).toBe('rootfs / auto ro 0 0\n');
  expect(text('# mine\nUUID=ab / ext4 defaults 0 1\nproc /proc proc defaults 0 0\n', 'openrc')).toBe(
    'rootfs / auto ro 0 0\n# mine\nproc /proc proc defaults 0 0\n',
  );
});

it('systemd makes nothing writable of itself, but does what the line of an installer says', () => {
  expect(text('', 'systemd')).toBeUndefined();
  expect(text('/dev/sda1\t/\text4\terrors=remount-ro\t0\t1\n', 'systemd')).toBe('rootfs / auto ro 0 0\n');
});

it('a root that is said to be read-only, and what is no line of the root, stay as they are', () => {
  expect(text('/dev/sda1 / ext4 noatime,ro 0 1\n')).toBeUndefined();
  expect(text('#/dev/sda1 / ext4 rw 0 1\n/dev/sda2 /srv ext4 rw 0 2\n', 'systemd')).toBeUndefined();
});
