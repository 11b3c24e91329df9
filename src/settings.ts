/** The part of the executable that reads settings: the boot of a machine normally finds them read. */

export { withSetArguments } from './config/command-line/set-argument.ts';
export { loadSettings } from './config/load.ts';
export { parseSettings } from './signed/bundle/parse-settings.ts';
