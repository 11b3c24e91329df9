import { expect, test } from 'vitest';
import { compareVersions, parseImageName, parseImageReference } from '../../../../src/server/images/image-name.ts';

test('the tenth build of a day is newer than the ninth', () => {
  const versions = ['20261120.10', '20261120.9', '20261119.12', '20261120.9-rc1', '20261120'];
  expect(versions.sort(compareVersions)).toEqual([
    '20261119.12',
    '20261120',
    '20261120.9',
    '20261120.9-rc1',
    '20261120.10',
  ]);
});

test('an image is named NAME, or NAME@VERSION', () => {
  expect(parseImageReference('lab')).toEqual({ name: 'lab' });
  expect(parseImageReference('lab@1.2')).toEqual({ name: 'lab', version: '1.2' });
});

test.each(['', '..', 'a/b', '/etc/passwd', 'lab@', 'lab@1@2', 'lab@../x', 'lab\0', '.hidden@1', 'a'.repeat(129)])(
  'a name that could leave the store is no image: %j',
  (text) => {
    expect(() => parseImageReference(text)).toThrow(expect.objectContaining({ code: 'image-name-invalid' }));
  },
);

test('where a version is needed, a name alone is refused', () => {
  expect(() => parseImageName('lab')).toThrow('names no version');
});
