import { shellLine, shellQuote } from '../../host/shell-line.ts';

/** The root to switch to, and what runs there. */
export interface SwitchRoot {
  readonly root: string;
  readonly init: string;
  readonly arguments: readonly string[];
}

/** What /init sources to hand over: the root, its init, and the arguments quoted once more for its `eval`. */
export const switchFileText = ({ root, init, arguments: words }: SwitchRoot): string =>
  `ROOT=${shellQuote(root)}\nINIT=${shellQuote(init)}\nINIT_ARGUMENTS=${shellQuote(shellLine(words))}\n`;
