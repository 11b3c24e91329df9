/** What the executable holds besides the boot: the verbs of admins and the server, and the reading of YAML. */

export { cli } from './cli.ts';
export { answerCheck } from './config/check/check-thread.ts';
export { withSetArguments } from './config/command-line/set-argument.ts';
export { loadSettings } from './config/load.ts';
export { askInTurn } from './identity/machine/ask-servers.ts';
export { enrolMachine } from './identity/machine/enrol-machine.ts';
export { keepSecrets } from './identity/machine/kept-secrets.ts';
export { parseSettings } from './signed/bundle/parse-settings.ts';
