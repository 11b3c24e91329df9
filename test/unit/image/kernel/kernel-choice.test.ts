import { describe, expect, test } from 'vitest';
import { memoryHost } from '../../../../src/host/memory.ts';
import { findKernel } from '../../../../src/image/kernel/kernel.ts';
import { preferredFirst } from '../../../../src/image/kernel/kernel-choice.ts';

describe('of several kernels in a tree', () => {
  test.each([
    ['the plain one of Fedora', ['6.12.9-200.fc41.x86_64+debug', '6.12.9-200.fc41.x86_64']],
    ['the plain one of RHEL', ['6.12.0-55.el10.aarch64+64k', '6.12.0-55.el10.aarch64+rt', '6.12.0-55.el10.aarch64']],
    ['the plain one of Debian', ['6.1.0-44-rt-amd64', '6.1.0-44-cloud-amd64', '6.1.0-44-amd64']],
    ['the generic one of Ubuntu', ['6.8.0-31-lowlatency', '6.8.0-31-generic-64k', '6.8.0-31-generic']],
    ['the default one of openSUSE', ['6.4.0-150600.23-kvmsmall', '6.4.0-150600.23-debug', '6.4.0-150600.23-default']],
    ['the stock one of Arch', ['6.9.1-zen1-1-zen', '6.9.1-arch1-1']],
    ['the one without a word of its own', ['6.6.31-office', '6.6.31']],
    ['the released one', ['6.13.0-rc3', '6.13.0', '6.13.0-rc10']],
    ['the released one, where candidates have a shorter version', ['6.13-rc7-amd64', '6.13.0-1-amd64']],
    ['the later candidate where there is nothing else', ['6.13.0-rc3', '6.13.0-rc10']],
    ['the newest build of the distribution, plain or not', ['6.1.0-9-amd64', '6.1.0-44-cloud-amd64']],
    ['the newest version, whatever the alphabet says', ['6.9.12-arch1-1', '6.10.1-zen1-1-zen']],
    ['the later package of one version', ['6.9.1-arch1-1', '6.9.1-arch1-2']],
  ])('%s is taken', (_, releases) => {
    const plain = releases.includes('6.13.0') ? '6.13.0' : releases.at(-1);
    expect(releases.toSorted(preferredFirst)[0]).toBe(plain);
    expect(releases.toReversed().toSorted(preferredFirst)[0]).toBe(plain);
  });

  test('one line says which was taken, and which were not', async () => {
    const releases = ['6.12.9-200.fc41.x86_64+debug', '6.12.9-200.fc41.x86_64'];
    const files = releases.flatMap((release) => [
      [`/tree/usr/lib/modules/${release}/modules.dep`, ''],
      [`/tree/usr/lib/modules/${release}/vmlinuz`, release],
    ]);
    const host = memoryHost({ files: Object.fromEntries(files) });
    expect((await findKernel(host, '/tree')).release).toBe('6.12.9-200.fc41.x86_64');
    expect(host.lines.map(({ text }) => text)).toEqual([
      "of the tree's kernels 6.12.9-200.fc41.x86_64 is taken, not 6.12.9-200.fc41.x86_64+debug",
    ]);
  });

  test('one without its kernel image does not count', async () => {
    const host = memoryHost({
      files: {
        '/tree/usr/lib/modules/6.12.1/modules.dep': '',
        '/tree/usr/lib/modules/6.6.1/modules.dep': '',
        '/tree/boot/vmlinuz-6.6.1': 'k',
      },
    });
    expect((await findKernel(host, '/tree')).release).toBe('6.6.1');
    expect(host.lines).toEqual([]);
  });
});
