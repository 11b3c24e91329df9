import { shellLine, shellQuote } from '../../host/shell-line.ts';
import type { StepOf } from './step.ts';

/** What /init sources to hand over: the root, its init, and the arguments quoted once more for its `eval`. */
export const switchFileText = ({ root, init, arguments: words }: StepOf<'switch-root'>): string =>
  `ROOT=${shellQuote(root)}\nINIT=${shellQuote(init)}\nINIT_ARGUMENTS=${shellQuote(shellLine(words))}\n`;
