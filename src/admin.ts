/** What the executable holds besides the boot: the verbs of admins and the server, and the reading of YAML. */
export { cli } from './cli.ts';
export { loadConfig } from './config/load.ts';
