import { expect, test } from 'vitest';
import { segmentName, setFile, setOfSegment } from '../../../../../src/image/initramfs/segments/segment-name.ts';

const nameOf = (...names: readonly string[]) => segmentName(names.map((name) => ({ name })));

test('a segment of ours is called by the file that only it has', () => {
  expect(nameOf('bin', 'etc/segments.sha256', 'init')).toBe('loader');
  expect(nameOf('modules.squashfs')).toBe('modules');
  expect(nameOf('runtime.squashfs')).toBe('runtime');
  expect(nameOf('config.d', 'config.json')).toBe('config.d');
  expect(nameOf('sets', setFile('fsck'))).toBe('tools fsck');
});

test('somebody else’s has no name, though it has an /init', () => {
  expect(nameOf('bin', 'init', 'kernel/x86/microcode/AuthenticAMD.bin')).toBeUndefined();
  expect(nameOf('sets/README', 'a/sets/fsck.squashfs')).toBeUndefined();
  expect(nameOf()).toBeUndefined();
});

test('a tool set is found by the name of its segment', () => {
  expect(['tools fsck', 'runtime', undefined].map(setOfSegment)).toEqual(['fsck', undefined, undefined]);
});
