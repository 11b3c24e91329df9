import { expect, it } from 'vitest';
import { fileError } from '../../../src/host/file-error.ts';

it('what the kernel says of a file is told in words, with what to do', () => {
  const refused = Object.assign(new Error('EACCES'), { code: 'EACCES', syscall: 'open', path: '/srv/config.d/a' });
  expect(fileError(refused)).toMatchObject({
    code: 'file-unusable',
    message: '/srv/config.d/a: permission denied',
    hint: 'run statectl as the owner of it, or as root',
  });
});

it.each([
  new Error('a fault of ours'),
  Object.assign(new Error('x'), { code: 'ECONNREFUSED', syscall: 'connect' }),
  undefined,
])('what is no fault of a file stays what it is: %s', (error) => {
  expect(fileError(error)).toBeUndefined();
});

it('a link that cannot be made is told by its own name, not by what it says', () => {
  const error = { code: 'EROFS', syscall: 'symlink', path: 'pid=1 start=2', dest: '/srv/state/lock' };
  expect(fileError(Object.assign(new Error('EROFS'), error))).toMatchObject({
    message: '/srv/state/lock: it is on a read-only file system',
  });
});
