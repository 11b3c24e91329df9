import { expect, it } from 'vitest';
import { checkNames } from '../../../../../src/server/admin/adopt/check-names.ts';

const named = (...names: readonly string[]) => names.map((name) => ({ name, folder: '~/printer_data' }));

it('names that a person gave are judged before anybody connects', () => {
  expect(() => checkNames(undefined, [])).not.toThrow();
  expect(() => checkNames('print07', named('voron', 'ender'))).not.toThrow();
  for (const [node, printers, message] of [
    ['a b', [], '"a b" is no host name'],
    [undefined, named('A b'), '"A b" is no name of a printer'],
    [undefined, named('voron', 'voron'), 'two printers would be called voron'],
  ] as const)
    expect(() => checkNames(node, printers)).toThrow(message);
});
