import { expect, it } from 'vitest';
import { canResend } from '../../../../../src/machine/services/printers/cache-holder.ts';

it.each([
  ['6.9.0', true],
  ['6.12.12+bpo-amd64', true],
  ['7.0-rc1', true],
  ['6.8.12', false],
  ['6.1.0-31-amd64', false],
  ['5.15.0', false],
  ['', false],
])('a kernel %s asks again what was not answered: %s', (release, can) => {
  expect(canResend(release)).toBe(can);
});
