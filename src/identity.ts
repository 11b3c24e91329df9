/** The part of the executable by which a machine proves who it is: at boot, and for as long as its agent runs, which keeps it. */

export { askInTurn } from './identity/machine/ask-servers.ts';
export { enrolMachine } from './identity/machine/enrol-machine.ts';
export { keepSecrets } from './identity/machine/kept-secrets.ts';
