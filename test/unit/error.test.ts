import { expect, it, vi } from 'vitest';
import { isStatectlError, StatectlError } from '../../src/error.ts';

it('is known as one of ours from the other copy of the program too', async () => {
  vi.resetModules();
  const other = await import('../../src/error.ts');
  expect(other.StatectlError).not.toBe(StatectlError);
  expect(isStatectlError(new other.StatectlError('some-code', 'text'))).toBe(true);
  expect(isStatectlError(new Error('text'))).toBe(false);
});
