import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { matchesDevice, parseDeviceReference } from '../../../../src/machine/facts/device-reference.ts';

const UUID = '3f5ad593-4546-4a94-a374-bcfb68aa11f7';

describe('parseDeviceReference', () => {
  it.each([
    ['/dev/sda1', { kind: 'path', path: '/dev/sda1' }],
    ['block:/dev/mapper/vg-root', { kind: 'path', path: '/dev/mapper/vg-root' }],
    ['/dev/disk/by-path/pci-0000:00:1f.1-part1', { kind: 'path', path: '/dev/disk/by-path/pci-0000:00:1f.1-part1' }],
    ['/dev/disk/by-label/a\\x20b', { kind: 'tag', tag: 'label', value: 'a b' }],
    [`/dev/disk/by-uuid/${UUID}`, { kind: 'tag', tag: 'uuid', value: UUID }],
    ['LABEL=Root', { kind: 'tag', tag: 'label', value: 'Root' }],
    ['LABEL=a b', { kind: 'tag', tag: 'label', value: 'a b' }],
    ['LABEL="a b"', { kind: 'tag', tag: 'label', value: 'a b' }],
    ["LABEL='a=b'", { kind: 'tag', tag: 'label', value: 'a=b' }],
    ['LABEL=  rdinit=/bin/sh', { kind: 'tag', tag: 'label', value: '  rdinit=/bin/sh' }],
    [`UUID="${UUID}"`, { kind: 'tag', tag: 'uuid', value: UUID }],
    ['PARTUUID=deadbeef-01', { kind: 'tag', tag: 'partuuid', value: 'deadbeef-01' }],
    ['PARTLABEL=EFI\\x20System', { kind: 'tag', tag: 'partlabel', value: 'EFI System' }],
    ['http://10.0.2.2:8080/images/lab', { kind: 'url', url: 'http://10.0.2.2:8080/images/lab' }],
    ['live:https://boot.lab/root.squashfs', { kind: 'url', url: 'https://boot.lab/root.squashfs' }],
  ])('reads root=%s', (root, expected) => {
    expect(parseDeviceReference(root)).toEqual(expected);
  });

  it.each([undefined, '', ' ', '""', 'LABEL=', 'UUID=""'])('root=%j is empty, and says so', (root) => {
    expect(() => parseDeviceReference(root)).toThrow(
      expect.objectContaining({
        code: 'root-missing',
        message: 'No or empty root= argument',
        hint: expect.stringContaining('blkid'),
      }),
    );
  });

  it.each([
    ['uuid=x', 'did you mean root=UUID=x?'],
    ['PARTUIUD=x', 'did you mean root=PARTUUID=x?'],
    ['sda1', 'write root=/dev/…'],
    ['ftp://host/x', 'write root=/dev/…'],
    ['/dev/', 'write root=/dev/…'],
    ['http:///x', 'write root=/dev/…'],
  ])('does not know root=%s', (root, hint) => {
    expect(() => parseDeviceReference(root)).toThrow(
      expect.objectContaining({
        code: 'root-unknown',
        message: `Don't know how to handle 'root=${root}'`,
        hint: expect.stringContaining(hint),
      }),
    );
  });

  it.each(['nfs:10.0.0.1:/srv/root', 'nfs4:host:/x', '/dev/nfs', 'dhcp', `PARTUUID=${UUID}/PARTNROFF=1`])(
    'knows root=%s, and that it is not supported yet',
    (root) => {
      expect(() => parseDeviceReference(root)).toThrow(
        expect.objectContaining({
          code: 'root-unsupported',
          message: `root=${root} is a root that statectl does not support yet`,
        }),
      );
    },
  );

  it('answers any text with a reference or with an error for the operator', () => {
    const unit = fc.constantFrom('/dev/', 'LABEL', 'UUID', '=', '"', "'", ' ', 'x', '\\x2', 'http://', 'nfs:');
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit, maxLength: 6 }), fc.string()), (root) => {
        try {
          expect(['path', 'tag', 'url']).toContain(parseDeviceReference(root).kind);
        } catch (error) {
          expect(error).toMatchObject({ code: expect.stringMatching(/^root-/), hint: expect.any(String) });
        }
      }),
    );
  });
});

describe('matchesDevice', () => {
  const sda2 = {
    device: '/dev/sda2',
    type: 'ext4',
    label: 'a b',
    uuid: UUID,
    partuuid: 'DEADBEEF-02',
    partlabel: 'root',
  };

  it.each([
    ['/dev/sda2', true],
    ['/dev/sda', false],
    ['LABEL=a b', true],
    ['LABEL=a\\x20b', true],
    ['LABEL=A B', false],
    [`UUID=${UUID.toUpperCase()}`, true],
    [`UUID=${UUID.slice(0, 8)}`, true],
    [`UUID=${UUID.slice(0, 7)}`, false],
    [`UUID=${UUID}0`, false],
    ['PARTUUID=deadbeef-02', true],
    ['PARTUUID=deadbeef-0', false],
    ['PARTLABEL=root', true],
    ['http://host/x', false],
  ])('root=%s is this device: %s', (root, expected) => {
    expect(matchesDevice(parseDeviceReference(root), sda2)).toBe(expected);
  });

  it('does not match a device that has no such tag', () => {
    expect(matchesDevice(parseDeviceReference('LABEL=x'), { device: '/dev/sdb' })).toBe(false);
  });
});
