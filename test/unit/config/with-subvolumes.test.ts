import { expect, it } from 'vitest';
import { loadFiles } from '../../fixtures/config.ts';

const BTRFS =
  'LABEL=data:\n  subvolumes:\n    "@home": { mount: /home, options: [noatime, compress=zstd] }\n    "@cache": {}\n';

it('subvolumes with a mount point are mounted like what fstab.conf names, the others are only made', async () => {
  const { fstab } = await loadFiles({ 'system/fstab.conf': '', 'controller/btrfs.conf': BTRFS });
  expect(fstab).toEqual({
    '/home': {
      source: 'LABEL=data',
      type: 'btrfs',
      options: ['noatime', 'compress=zstd', 'subvol=@home'],
      missing: 'degraded',
    },
  });
});

it('what fstab.conf says of the same mount point is a fault, and never two mounts', async () => {
  const files = { 'system/fstab.conf': '/home: { source: LABEL=other }\n', 'controller/btrfs.conf': BTRFS };
  await expect(loadFiles(files)).rejects.toThrow('/home is taken by fstab.conf');
});
