import { expect, it } from 'vitest';
import { isStatectlError, StatectlError } from '../../src/error.ts';

it('is known as one of ours from the other copy of the program too', async () => {
  const copy = new URL('../../src/error.ts?copy', import.meta.url).href;
  const other = (await import(copy)) as typeof import('../../src/error.ts');
  expect(other.StatectlError).not.toBe(StatectlError);
  expect(isStatectlError(new other.StatectlError('some-code', 'text'))).toBe(true);
  expect(isStatectlError(new Error('text'))).toBe(false);
});
