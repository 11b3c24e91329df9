import { expect, test } from 'vitest';
import { memoryHost } from '../../../../src/host/memory.ts';
import { selectModules } from '../../../../src/image/kernel/module-selection.ts';

const HOME = '/tree/usr/lib/modules/6.1';
const DEP = `kernel/fs/ext4/ext4.ko:
kernel/drivers/nvme/host/nvme.ko: kernel/drivers/nvme/host/nvme-core.ko
kernel/drivers/nvme/host/nvme-core.ko:
kernel/drivers/nvme/host/nvme-rdma.ko: kernel/drivers/infiniband/ib_core.ko
kernel/drivers/infiniband/ib_core.ko:
kernel/drivers/net/ethernet/e1000e.ko:
kernel/drivers/net/wireless/ath9k.ko:
kernel/sound/snd.ko:
`;
/** A tree with an index of all these modules, and files of all but the one in `excluded`. */
const select = (words: string[], { excluded = '', aliases = '', patterns = 'pci:v1*' } = {}) => {
  const paths = [...DEP.matchAll(/^\S+(?=:)/gm)]
    .map(([path]) => path)
    .filter((path) => !path.endsWith(`/${excluded}.ko`));
  const files = {
    [`${HOME}/modules.dep`]: DEP,
    [`${HOME}/modules.alias`]: patterns.replace(/^.*$/gm, 'alias $& snd\n'),
    ...Object.fromEntries(paths.map((path) => [`${HOME}/${path}`, ''])),
    ...(aliases && { '/sys/bus/pci/devices/0/modalias': aliases }),
  };
  return selectModules(memoryHost({ files }), '/tree', '6.1', words);
};

test('all and host and names mean all that each of them means', async () => {
  const { names } = await select(['all', 'host', 'ath9k'], { aliases: 'pci:v1\n' });
  expect([...names].sort()).toEqual(['ath9k', 'e1000e', 'ext4', 'nvme', 'nvme_core', 'nvme_rdma', 'snd']);
});

test('file systems are in whatever is selected, and a class is what it says', async () => {
  expect((await select(['network'])).names).toEqual(['e1000e', 'ext4']);
  expect((await select(['snd.ko', 'nvme-core'])).names).toEqual(['ext4', 'snd', 'nvme_core']);
});

test('a class is without what the image lacks the file of, or of what it depends on', async () => {
  const { names, leftOut } = await select(['all'], { excluded: 'ib_core' });
  expect(names).not.toContain('nvme_rdma');
  expect(leftOut).toEqual(['nvme_rdma']);
});

test('what was named is asked for even when it is not there, so that the builder refuses', async () => {
  expect((await select(['nosuch', 'e1000e'], { excluded: 'e1000e' })).names).toEqual(['ext4', 'nosuch', 'e1000e']);
});

test.each(['*a', '[a-b]*', '?*'])('an alias of an image of many %s costs no more than its length', async (piece) => {
  const aliases = `pci:v${'a'.repeat(200)}\n`;
  const started = performance.now();
  const { names } = await select(['host'], { aliases, patterns: `pci:v${piece.repeat(100)}!` });
  expect(names).toEqual(['ext4']);
  expect(performance.now() - started).toBeLessThan(5000);
});
