/** The part of the executable that machines do without: the verbs of admins and the server. */

export { cli } from './cli.ts';
export { answerCheck } from './config/check/check-thread.ts';
