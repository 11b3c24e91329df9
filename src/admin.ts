/** What the executable holds besides the boot: the verbs of admins and the server, and the reading of YAML. */
export { parseSettings } from './bundle/parse-settings.ts';
export { cli } from './cli.ts';
export { answerCheck } from './config/check-thread.ts';
export { loadSettings } from './config/load.ts';
export { withSetArguments } from './config/set-argument.ts';
export { askInTurn } from './identity/ask-servers.ts';
export { enrolMachine } from './identity/enrol-machine.ts';
export { keepSecrets } from './identity/kept-secrets.ts';
