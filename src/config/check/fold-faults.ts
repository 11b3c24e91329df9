import { forNodes } from '../nodes/node-names.ts';
import type { CheckedFault } from './check.ts';
import { formatFault } from './fault.ts';

/**
 * Faults as a person reads them: what is wrong at one place for many machines is told once, though each has its own name or
 * value in the sentence. `config check --json` has every sentence. Pure.
 */
export const foldFaults = (faults: readonly CheckedFault[]): readonly CheckedFault[] =>
  folded(folded(faults, withoutName), withoutValues);

function folded(faults: readonly CheckedFault[], inGeneral: (fault: CheckedFault) => string): readonly CheckedFault[] {
  const byText = Map.groupBy(faults, (fault) =>
    fault.nodes.length === 0 ? formatFault(fault) : formatFault({ ...fault, message: inGeneral(fault) }),
  );
  return [...byText.values()].map((alike) => {
    const [first] = alike as [CheckedFault];
    if (alike.length === 1) return first;
    const all = (key: 'nodes' | 'nodeFiles') => [...new Set(alike.flatMap((fault) => fault[key]))];
    return { ...first, message: inGeneral(first), nodes: all('nodes'), nodeFiles: all('nodeFiles') };
  });
}

const withoutName = ({ message, nodes }: CheckedFault): string =>
  nodes.length === 1 ? message.replaceAll(nodes[0] as string, '{{ node.name }}') : message;

const withoutValues = ({ message }: CheckedFault): string =>
  message.replaceAll(/found "[^"]*"/g, 'found something else on each');

/** `templates/motd:4:1 … (for print[01-24])` */
export const formatChecked = (fault: CheckedFault): string => `${formatFault(fault)}${forNodes(fault.nodes)}`;
