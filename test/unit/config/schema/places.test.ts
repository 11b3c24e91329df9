import { describe, expect, it } from 'vitest';
import { faultsOf, read } from './part.ts';

describe('fstab.conf', () => {
  it('that is empty mounts nothing', async () => {
    expect(await read('fstab', '')).toEqual({});
  });

  it('says a device by its label, and the rest is usual', async () => {
    expect(await read('fstab', '/user-data: {source: LABEL=user-data}')).toEqual({
      '/user-data': { source: 'LABEL=user-data', type: 'auto', options: ['noatime'], missing: 'degraded' },
    });
  });

  it.each([
    ['/a: {}', '1:1 "/a.source": expected a text, found nothing'],
    ['/a: {source: sda1}', '1:6 "/a.source": expected LABEL=…, UUID=…, PARTUUID=…, PARTLABEL=… or /dev/…'],
    ['/a: {source: LABEL=}', '1:6 "/a.source": expected LABEL=…, UUID=…, PARTUUID=…, PARTLABEL=… or /dev/…'],
    [
      'a/: {source: LABEL=a}',
      '1:1 "a/": expected an absolute path such as /var, without "..", "." or a slash at the end',
    ],
    ['/dev/x: {source: LABEL=a}', "1:1 /dev is the kernel's and the boot's own in every system"],
  ])('with %j is refused', async (text, fault) => {
    expect(await faultsOf('fstab', text)).toBe(fault);
  });
});

describe('tmpfs.conf', () => {
  it('has mount points with a size, and what is usual for temporary files', async () => {
    expect(await read('tmpfs', '/tmp: {}\n/srv/ram: {size: 1G, mode: "0700", options: "nodev,noexec"}')).toEqual({
      '/tmp': { size: '50%', mode: 0o1777, options: ['noexec', 'nosuid', 'nodev'] },
      '/srv/ram': { size: '1G', mode: 0o700, options: ['nodev', 'noexec'] },
    });
  });

  it.each([
    ['/tmp: {size: 120%}', '1:8 "/tmp.size": expected a size such as 64M, 1G or 50%'],
    ['/run/x: {}', "1:1 /run is the kernel's and the boot's own in every system"],
    ['/user-data: {}', '1:1 /user-data is a disk of fstab.conf, or RAM without one'],
  ])('with %j is refused', async (text, fault) => {
    expect(await faultsOf('tmpfs', text)).toBe(fault);
  });
});

describe('overlays.conf', () => {
  it('refuses settings of another kind', async () => {
    expect(await faultsOf('overlays', '/a: { kind: readonly, size: 1M }')).toMatch(/^1:23 unknown key "size"/);
  });

  it('has a kind for each directory, with what is usual for that kind', async () => {
    const text = `
/etc: { kind: ramdisk }
/var: { kind: overlay }
/var/lib/dpkg: { kind: readonly }
/var/cache: { kind: tmpfs, skeleton: true }
/home: { kind: bind, source: /user-data/persistent/local/home }
/mail: { kind: symlink, target: /var/mail }
`;
    expect(await read('overlays', text)).toEqual({
      '/etc': { kind: 'ramdisk', size: '25%', options: ['nosuid', 'nodev'] },
      '/var': { kind: 'overlay', upper: 'ram', size: '50%' },
      '/var/lib/dpkg': { kind: 'readonly' },
      '/var/cache': { kind: 'tmpfs', skeleton: true, size: '50%', options: [] },
      '/home': { kind: 'bind', source: '/user-data/persistent/local/home', missing: 'ram', options: [] },
      '/mail': { kind: 'symlink', target: '/var/mail' },
    });
  });

  it.each([
    ['/a: { kind: aufs }', '1:7 "/a.kind": expected tmpfs, ramdisk, overlay, bind, readonly or symlink'],
    ['/a: {}', '1:1 "/a.kind": expected tmpfs, ramdisk, overlay, bind, readonly or symlink'],
    ['/a: { kind: bind }', '1:1 "/a.source": expected a text, found nothing'],
  ])('with %j is refused', async (text, fault) => {
    expect(await faultsOf('overlays', text)).toBe(fault);
  });
});
