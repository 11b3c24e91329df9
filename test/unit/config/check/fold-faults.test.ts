import { expect, it } from 'vitest';
import { foldFaults, formatChecked } from '../../../../src/config/check/fold-faults.ts';

const place = { file: 'templates/motd', line: 4, column: 1 };
const nodes = Array.from({ length: 24 }, (_, at) => `print${String(at + 1).padStart(2, '0')}`);
const folded = (messageOf: (node: string) => string) =>
  foldFaults(
    nodes.map((node) => ({ ...place, message: messageOf(node), nodes: [node], nodeFiles: [`nodes/${node}.conf`] })),
  ).map(formatChecked);

it('a fault that each machine has with its own name is told once', () => {
  expect(folded((node) => `path "/etc/${node}/../x" must not have ".." in it`)).toEqual([
    'templates/motd:4:1 path "/etc/{{ node.name }}/../x" must not have ".." in it (for print[01-24])',
  ]);
});

it('a fault that each machine has with its own value is told once', () => {
  expect(folded((node) => `expected an address, found "10.0.0.${node}x${node.length}"`)).toHaveLength(1);
  expect(folded((node) => `expected an address, found "${nodes.indexOf(node)}"`)).toEqual([
    'templates/motd:4:1 expected an address, found something else on each (for print[01-24])',
  ]);
});

it('other faults at the same place, and those of one machine alone, are told as they are', () => {
  expect(folded((node) => (node === 'print07' ? 'found "7"' : 'unknown variable x'))).toEqual([
    'templates/motd:4:1 unknown variable x (for print[01-06,08-24])',
    'templates/motd:4:1 found "7" (for print07)',
  ]);
  const [alone] = foldFaults([{ ...place, message: 'no print01', nodes: ['print01'], nodeFiles: [] }]);
  expect(alone?.message).toBe('no print01');
});
